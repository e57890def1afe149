-- Frames that passed their tag and were refused all the same, the newest of them; see store/quarantine.py.
CREATE TABLE quarantine (
    number  INTEGER PRIMARY KEY,
    node    INTEGER NOT NULL,
    heard_s INTEGER NOT NULL,
    source  TEXT NOT NULL,
    reason  TEXT NOT NULL,
    detail  TEXT NOT NULL,
    frame   BLOB NOT NULL
) STRICT;
