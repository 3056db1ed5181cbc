-- The home of member data. Whatever tells about a person is sealed: the column `sealed` holds a record only the member's
-- key (or, for groups, the centre's key) opens. Ids are random; `place` columns are keyed hashes that tell two rows of one
-- place apart from none without saying which place.

CREATE TABLE centre (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    public_name TEXT NOT NULL,
    code TEXT NOT NULL,
    node BLOB NOT NULL CHECK (length(node) = 32),
    writer BLOB NOT NULL CHECK (length(writer) = 32),
    inception BLOB NOT NULL
) STRICT;

CREATE TABLE credentials (
    credential BLOB NOT NULL PRIMARY KEY CHECK (length(credential) = 16),
    role TEXT NOT NULL CHECK (role IN ('coordinator', 'guardian')),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    member BLOB NOT NULL PRIMARY KEY CHECK (length(member) = 16),
    place BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Every consent given or withdrawn, in order; the latest line of a purpose holds.
CREATE TABLE consents (
    line INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    member BLOB NOT NULL REFERENCES members (member),
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX consents_of_member ON consents (member);

CREATE TABLE groups (
    grp BLOB NOT NULL PRIMARY KEY CHECK (length(grp) = 16),
    sharing TEXT NOT NULL CHECK (sharing IN ('undecided', 'yes', 'no', 'paused')),
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who belongs to which group, sealed under the member's key.
CREATE TABLE memberships (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    member BLOB NOT NULL REFERENCES members (member),
    place BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of_member ON memberships (member);

-- Who was there stands inside the sealed record.
CREATE TABLE meetings (
    meeting BLOB NOT NULL PRIMARY KEY CHECK (length(meeting) = 16),
    grp BLOB NOT NULL REFERENCES groups (grp),
    place BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX meetings_of_group ON meetings (grp);

-- One score of one member on one measure and day, or its absence.
CREATE TABLE check_ins (
    check_in BLOB NOT NULL PRIMARY KEY CHECK (length(check_in) = 16),
    member BLOB NOT NULL REFERENCES members (member),
    place BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX check_ins_of_member ON check_ins (member);

-- The answers a check-in was scored from.
CREATE TABLE answers (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    member BLOB NOT NULL REFERENCES members (member),
    place BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_of_member ON answers (member);

-- On what basis members imported without a `sharing` column consented, in the coordinator's words.
CREATE TABLE attestations (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who looked at a member's record. Lines are only ever added.
CREATE TABLE access_log (
    line INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    member BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX access_log_of_member ON access_log (member);
CREATE TRIGGER access_log_is_not_changed BEFORE UPDATE ON access_log
BEGIN SELECT RAISE(ABORT, 'the access log is only ever added to'); END;
CREATE TRIGGER access_log_is_not_shortened BEFORE DELETE ON access_log
BEGIN SELECT RAISE(ABORT, 'the access log is only ever added to'); END;
