-- The NGO's own desk: identity, networks, and the office's own feed in each of them. No members.

CREATE TABLE office (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    node BLOB NOT NULL CHECK (length(node) = 32),
    inception BLOB NOT NULL,
    recovery_key_hash BLOB NOT NULL CHECK (length(recovery_key_hash) = 32),
    sealed_seed BLOB NOT NULL
) STRICT;

CREATE TABLE networks (
    network BLOB NOT NULL PRIMARY KEY CHECK (length(network) = 32),
    rosters BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What the office wants to have said in a network. Signed in order once its own head there is confirmed.
CREATE TABLE wanted (
    line INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    network BLOB NOT NULL,
    kind INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- What the feed has come to, as its rules state it; written in one transaction with its entries.
CREATE TABLE feeds (
    network BLOB NOT NULL PRIMARY KEY CHECK (length(network) = 32),
    state BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE own_entries (
    network BLOB NOT NULL CHECK (length(network) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    -- 0: part of a branch that does not stand.
    standing INTEGER NOT NULL CHECK (standing IN (0, 1)),
    header BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    payload BLOB,
    -- 1: the exchange has said that it is on its disk.
    handed_over INTEGER NOT NULL CHECK (handed_over IN (0, 1)),
    PRIMARY KEY (network, hash)
) STRICT, WITHOUT ROWID;
-- One standing entry at a place, whatever the program does.
CREATE UNIQUE INDEX own_entries_at_their_place ON own_entries (network, epoch, seq) WHERE standing = 1;
