-- An aggregator's secrets of rounds under way. Never copied into a backup: a copy would outlive their destruction.

CREATE TABLE secrets (
    network BLOB NOT NULL CHECK (length(network) = 32),
    round BLOB NOT NULL CHECK (length(round) = 32),
    -- The round's secret key, under the office's key.
    sealed_secret BLOB NOT NULL,
    -- The leader's key to check proofs with, once it is drawn.
    sealed_verify_key BLOB,
    -- Centres whose parts the leader has shown to the helper, 32 bytes each.
    shown BLOB CHECK (length(shown) % 32 = 0),
    PRIMARY KEY (network, round)
) STRICT, WITHOUT ROWID;
