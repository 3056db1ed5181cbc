-- What leaves the centre: approvals, frozen bytes, the ledger, and the centre's own feed.

CREATE TABLE approvals (
    quarter INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('coordinator', 'guardian')),
    credential BLOB NOT NULL,
    -- Keyed hash of the form it was given on.
    form BLOB NOT NULL CHECK (length(form) = 32),
    PRIMARY KEY (quarter, role),
    UNIQUE (quarter, credential)
) STRICT, WITHOUT ROWID;

-- One line per decided quarter. `payload` is the encoded release, to the byte; `frozen` and `tag` are the gate's own
-- keeping of it, absent when it came back from the network after a restore.
CREATE TABLE releases (
    quarter INTEGER NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('frozen', 'stopped', 'signed')),
    payload BLOB NOT NULL,
    frozen BLOB,
    tag BLOB,
    -- Seconds since 1970-01-01 from which on it is signed.
    due_at INTEGER NOT NULL,
    -- Hash of the entry's header once it is signed.
    entry BLOB
) STRICT;

-- The ledger: a check-in that left, or was frozen and then stopped, never leaves again.
CREATE TABLE spent (
    check_in BLOB NOT NULL PRIMARY KEY CHECK (length(check_in) = 16),
    quarter INTEGER NOT NULL REFERENCES releases (quarter)
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_in_quarter ON spent (quarter);

-- Releases that came back from the network after a restore: which answers they counted is no longer known, so every
-- answer of the measure up to the end of that quarter counts as spent.
CREATE TABLE spent_through (
    measure TEXT NOT NULL PRIMARY KEY,
    last_day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
