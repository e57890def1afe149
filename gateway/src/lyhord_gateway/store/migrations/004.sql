-- The sample number here that its device calls 0: another device under the same id begins where the one before ended.
ALTER TABLE session ADD COLUMN base INTEGER NOT NULL DEFAULT 0;

-- Keys that are never to come back, by a hash that tells nothing about them.
CREATE TABLE retired_key (
    fingerprint BLOB PRIMARY KEY,
    node        INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    retired_s   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
