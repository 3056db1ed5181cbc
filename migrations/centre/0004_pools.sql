-- Pools: by which way a measure leaves, this centre's parts in rounds, and which answers they count.

-- A measure not named here leaves by the network's default: pools where its policy has them, releases otherwise.
CREATE TABLE ways (
    measure TEXT NOT NULL PRIMARY KEY,
    way TEXT NOT NULL CHECK (way IN ('pool', 'release'))
) STRICT, WITHOUT ROWID;

CREATE TABLE part_approvals (
    round BLOB NOT NULL CHECK (length(round) = 32),
    role TEXT NOT NULL CHECK (role IN ('coordinator', 'guardian')),
    credential BLOB NOT NULL,
    -- Keyed hash of the form it was given on.
    form BLOB NOT NULL CHECK (length(form) = 32),
    PRIMARY KEY (round, role),
    UNIQUE (round, credential)
) STRICT, WITHOUT ROWID;

-- One line per round this centre has made a part for. `payload` is the encoded commitment, to the byte; `frozen` and `tag`
-- are the gate's own keeping of the part with its parcels, gone once the round has ended.
CREATE TABLE parts (
    round BLOB NOT NULL PRIMARY KEY CHECK (length(round) = 32),
    state TEXT NOT NULL CHECK (state IN ('frozen', 'committed', 'told', 'failed', 'broken', 'silent', 'stopped', 'withdrawn')),
    -- The encoded opening. Absent after a restore, until the network tells it again.
    opening BLOB,
    payload BLOB NOT NULL,
    frozen BLOB,
    tag BLOB,
    -- Seconds since 1970-01-01 from which on it is signed.
    due_at INTEGER NOT NULL,
    -- Hash of the entry's header once it is signed.
    entry BLOB,
    -- 1: the exchange has said that both parcels are on its disk.
    parcels_kept INTEGER NOT NULL DEFAULT 0 CHECK (parcels_kept IN (0, 1))
) STRICT, WITHOUT ROWID;

-- The pairs a part counts, for a second round over the same ones; of a lost baseline there is no follow-up.
CREATE TABLE part_pairs (
    round BLOB NOT NULL REFERENCES parts (round),
    pair BLOB NOT NULL CHECK (length(pair) = 16),
    baseline BLOB NOT NULL CHECK (length(baseline) = 16),
    follow_up BLOB CHECK (length(follow_up) = 16),
    PRIMARY KEY (round, pair)
) STRICT, WITHOUT ROWID;

-- The ledger's other half. Lines go only when their round has failed for all.
CREATE TABLE spent_in_parts (
    check_in BLOB NOT NULL PRIMARY KEY CHECK (length(check_in) = 16),
    round BLOB NOT NULL REFERENCES parts (round)
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_in_part ON spent_in_parts (round);

-- An answer leaves once, whatever the program does.
CREATE TRIGGER released_is_not_pooled BEFORE INSERT ON spent_in_parts
WHEN EXISTS (SELECT 1 FROM spent WHERE check_in = NEW.check_in)
BEGIN SELECT RAISE(ABORT, 'an answer leaves once'); END;
CREATE TRIGGER pooled_is_not_released BEFORE INSERT ON spent
WHEN EXISTS (SELECT 1 FROM spent_in_parts WHERE check_in = NEW.check_in)
BEGIN SELECT RAISE(ABORT, 'an answer leaves once'); END;
