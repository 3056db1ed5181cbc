-- Parts in rounds of pools that were stopped or withdrawn.
CREATE TABLE stopped_parts (
    round BLOB NOT NULL PRIMARY KEY CHECK (length(round) = 32)
) STRICT, WITHOUT ROWID;
