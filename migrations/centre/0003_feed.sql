-- The centre's own feed, one per network.

CREATE TABLE networks (
    network BLOB NOT NULL PRIMARY KEY CHECK (length(network) = 32),
    rosters BLOB NOT NULL
) STRICT, WITHOUT ROWID;

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
