-- What a node's exchange keeps. Everything here is public within its network; no person is in it.
-- The same number under ../sqlite makes the same tables: change both or none.

-- The one node this store belongs to.
CREATE TABLE owner (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    node BYTEA  NOT NULL
);

-- A network. The revision grows by one with every committed change: a writer states the revision it reckoned with, so
-- that of several exchanges on one database only one wins and the others look again.
CREATE TABLE network (
    network  BYTEA  NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);

-- Versions of a network's roster, as signed.
CREATE TABLE roster (
    network BYTEA  NOT NULL REFERENCES network (network),
    version BIGINT NOT NULL,
    signed  BYTEA  NOT NULL,
    PRIMARY KEY (network, version)
);

-- Entries, byte for byte. The hash is of the header. Size is of header, signature and payload together. An entry that
-- does not stand is kept aside: a branch of a fork, or one a later epoch closed. Dropped: its author's tombstone took
-- the payload, and it is not wanted back.
CREATE TABLE entry (
    network   BYTEA   NOT NULL REFERENCES network (network),
    writer    BYTEA   NOT NULL,
    epoch     BIGINT  NOT NULL,
    seq       BIGINT  NOT NULL,
    hash      BYTEA   NOT NULL,
    header    BYTEA   NOT NULL,
    signature BYTEA   NOT NULL,
    payload   BYTEA,
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
    network  BYTEA  NOT NULL REFERENCES network (network),
    writer   BYTEA  NOT NULL,
    state    BYTEA  NOT NULL,
    revision BIGINT NOT NULL,
    anew     BIGINT NOT NULL,
    PRIMARY KEY (network, writer)
);

-- Proof that a feed's key signed two headers for one place.
CREATE TABLE fork (
    network BYTEA NOT NULL REFERENCES network (network),
    writer  BYTEA NOT NULL,
    second  BYTEA NOT NULL,
    proof   BYTEA NOT NULL,
    PRIMARY KEY (network, writer, second)
);

-- Feeds of which a bad entry was offered, until a good one follows.
CREATE TABLE fault (
    network BYTEA  NOT NULL REFERENCES network (network),
    writer  BYTEA  NOT NULL,
    fault   BIGINT NOT NULL,
    PRIMARY KEY (network, writer)
);

-- Uses of invitations (by their hash) this node counts, with the TLS key the joiner came with.
CREATE TABLE admission (
    network    BYTEA NOT NULL REFERENCES network (network),
    invitation BYTEA NOT NULL,
    node       BYTEA NOT NULL,
    pin        BYTEA NOT NULL,
    PRIMARY KEY (network, invitation, node)
);

-- Where peers were said to be by configuration or by a token; what members' descriptors say is in their feeds.
CREATE TABLE peer (
    network BYTEA NOT NULL REFERENCES network (network),
    address TEXT NOT NULL,
    pin     BYTEA NOT NULL,
    node    BYTEA,
    PRIMARY KEY (network, address)
);
