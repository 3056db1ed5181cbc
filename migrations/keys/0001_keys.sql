-- What must never be older than the data it belongs to: keys, and what people took back. A backup keeps only the newest
-- copy of this file, so a restore of older data forgets whom it must and shares nothing that was withdrawn.

-- Keys of the house itself (`centre`, `index`, `writer`), wrapped by the master key.
CREATE TABLE house_keys (
    name TEXT NOT NULL PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One data key per member, wrapped by the master key. Without its key a member's rows are noise.
CREATE TABLE member_keys (
    member BLOB NOT NULL PRIMARY KEY CHECK (length(member) = 16),
    wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Consents taken back. A line here outweighs whatever the data file says.
CREATE TABLE withdrawals (
    member BLOB NOT NULL CHECK (length(member) = 16),
    purpose INTEGER NOT NULL,
    PRIMARY KEY (member, purpose)
) STRICT, WITHOUT ROWID;

-- Quarters whose frozen bytes were stopped.
CREATE TABLE stopped (
    quarter INTEGER NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
