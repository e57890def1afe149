-- What nodes are to be told, in the order of their ids; docs/decisions/downlink-queue.md.
CREATE TABLE downlink (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    node      INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    settings  TEXT,                        -- JSON {"setting": integer}, or null for a command
    version   INTEGER,                     -- settings version that these settings make
    command   TEXT,                        -- JSON [code, argument, …], or null for settings
    origin    TEXT NOT NULL,               -- who asked for it: cli, or the name of a platform
    created_s INTEGER NOT NULL,
    changed_s INTEGER NOT NULL,            -- when it took its state
    state     TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'confirmed', 'refused', 'cancelled')),
    open      INTEGER NOT NULL DEFAULT 1,  -- 0: it is not handed out any more
    tries     INTEGER NOT NULL DEFAULT 0,  -- uplinks whose answers took it along
    uplink    INTEGER                      -- the last of them: key generation << 24 | counter
) STRICT;

CREATE INDEX downlink_open ON downlink (open, node, id);

-- Nodes whose key is being changed: the older key goes some days after the node was heard with the new one.
CREATE TABLE rotation (
    node       INTEGER PRIMARY KEY REFERENCES node (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,           -- of the new key
    made_s     INTEGER NOT NULL,
    heard_s    INTEGER                     -- first frame under the new key
) STRICT;

-- Which sample number a node had reached when; packed as store/marks.py says.
CREATE TABLE mark (
    node  INTEGER PRIMARY KEY,
    marks BLOB NOT NULL
) STRICT;
