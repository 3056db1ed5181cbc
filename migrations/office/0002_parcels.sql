-- Parcels this office has sealed to the other aggregator of a round, until the exchange has them.
CREATE TABLE parcels (
    network BLOB NOT NULL CHECK (length(network) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    round BLOB NOT NULL CHECK (length(round) = 32),
    sealed BLOB NOT NULL,
    PRIMARY KEY (network, hash)
) STRICT, WITHOUT ROWID;
