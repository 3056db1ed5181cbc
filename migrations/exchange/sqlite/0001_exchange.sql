-- What a node's exchange keeps. Everything here is public within its network; no person is in it.
-- The same number under ../postgres makes the same tables: change both or none.

-- The one node this store belongs to.
CREATE TABLE owner (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    node BLOB   NOT NULL
);

-- A network. The revision grows by one with every committed change: a writer states the revision it reckoned with, so
-- that of several exchanges on one database only one wins and the others look again.
CREATE TABLE network (
    network  BLOB   NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);

-- Versions of a network's roster, as signed.
CREATE TABLE roster (
    network BLOB   NOT NULL REFERENCES network (network),
    version BIGINT NOT NULL,
    signed  BLOB   NOT NULL,
    PRIMARY KEY (network, version)
);

-- Entries, byte for byte. The hash is of the header. Size is of header, signature and payload together. An entry that
-- does not stand is kept aside: a branch of a fork, or one a later epoch closed. Dropped: its author's tombstone took
-- the payload, and it is not wanted back.
CREATE TABLE entry (
    network   BLOB    NOT NULL REFERENCES network (network),
    writer    BLOB    NOT NULL,
    epoch     BIGINT  NOT NULL,
    seq       BIGINT  NOT NULL,
    hash      BLOB    NOT NULL,
    header    BLOB    NOT NULL,
    signature BLOB    NOT NULL,
    payload   BLOB,
    size      BIGINT  NOT NULL,
    standing  BOOLEAN NOT NULL,
    dropped   BOOLEAN NOT NULL,
    revision  BIGINT  NOT NULL,
    PRIMARY KEY (network, writer, epoch, seq, hash)
);
CREATE UNIQUE INDEX entry_by_hash ON entry (network, writer, hash);
CREATE INDEX entry_without_payload ON entry (network) WHERE payload IS NULL AND NOT dropped;
CREATE INDEX entry_by_revision ON entry (network, revision, writer, epoch, seq);

-- Where each feed stands, written in the same transaction as its entries; and the revision from which on who reads
-- along has to read the feed anew: its standing chain was laid anew, or a payload was dropped.
CREATE TABLE feed (
    network  BLOB   NOT NULL REFERENCES network (network),
    writer   BLOB   NOT NULL,
    state    BLOB   NOT NULL,
    revision BIGINT NOT NULL,
    anew     BIGINT NOT NULL,
    PRIMARY KEY (network, writer)
);

-- Proof that a feed's key signed two headers for one place.
CREATE TABLE fork (
    network BLOB NOT NULL REFERENCES network (network),
    writer  BLOB NOT NULL,
    second  BLOB NOT NULL,
    proof   BLOB NOT NULL,
    PRIMARY KEY (network, writer, second)
);

-- Feeds of which a bad entry was offered, until a good one follows.
CREATE TABLE fault (
    network BLOB   NOT NULL REFERENCES network (network),
    writer  BLOB   NOT NULL,
    fault   BIGINT NOT NULL,
    PRIMARY KEY (network, writer)
);

-- Uses of invitations (by their hash) this node counts, with the TLS key the joiner came with.
CREATE TABLE admission (
    network    BLOB NOT NULL REFERENCES network (network),
    invitation BLOB NOT NULL,
    node       BLOB NOT NULL,
    pin        BLOB NOT NULL,
    PRIMARY KEY (network, invitation, node)
);

-- Where peers were said to be by configuration or by a token; what members' descriptors say is in their feeds.
CREATE TABLE peer (
    network BLOB NOT NULL REFERENCES network (network),
    address TEXT NOT NULL,
    pin     BLOB NOT NULL,
    node    BLOB,
    PRIMARY KEY (network, address)
);
