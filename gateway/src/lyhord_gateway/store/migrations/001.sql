-- The registry: what a node is. Keys stay in node_key, so that nothing that lists nodes meets them.
CREATE TABLE node (
    id           INTEGER PRIMARY KEY,      -- 1 … 0xFFFFFF
    name         TEXT,
    profile      INTEGER,                  -- lyhord_wire.tables.PROFILES
    board        TEXT,
    latitude_e6  INTEGER,
    longitude_e6 INTEGER,
    empty_mm     INTEGER,
    full_mm      INTEGER,
    firmware     INTEGER,                  -- major << 16 | minor << 8 | patch
    enabled      INTEGER NOT NULL DEFAULT 1,
    created      TEXT                      -- when it was provisioned, ISO 8601
) STRICT;

CREATE TABLE node_key (
    node       INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    parity     INTEGER NOT NULL CHECK (parity = generation % 2), -- all that a frame says of it
    generation INTEGER NOT NULL,
    key        BLOB NOT NULL CHECK (length(key) = 16),
    PRIMARY KEY (node, parity)
) STRICT, WITHOUT ROWID;

-- One row per node that was heard: everything that moves with every frame, in one place, so that a
-- frame costs one row here and one per sample.
CREATE TABLE session (
    node     INTEGER PRIMARY KEY,
    received TEXT NOT NULL,                -- JSON [[first, end], …]: sample numbers stored or given up
    given_up TEXT NOT NULL,                -- JSON [[first, end], …]: those of them that were given up
    expected INTEGER NOT NULL,             -- number after the newest sample known to have been taken
    downlink INTEGER NOT NULL,             -- next downlink counter
    top0     INTEGER NOT NULL,             -- replay window of key generation 0; -1: nothing heard yet
    mask0    BLOB NOT NULL,                -- 8 bytes, big-endian
    latest0  BLOB NOT NULL,                -- digest of the frame with counter top0
    top1     INTEGER NOT NULL,
    mask1    BLOB NOT NULL,
    latest1  BLOB NOT NULL,
    heard_s  INTEGER NOT NULL,
    source   TEXT NOT NULL,
    rssi_dbm INTEGER,
    snr_q4   INTEGER,
    status   TEXT,                         -- JSON of the last status
    alarms   TEXT                          -- JSON of the active alarms
) STRICT;

-- Readings in the order of their arrival. A row goes when every platform has acknowledged it and it
-- is older than the history that is kept.
CREATE TABLE sample (
    id       INTEGER PRIMARY KEY,          -- arrival number; the writer never gives one out twice
    node     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    time_s   INTEGER NOT NULL,
    heard_s  INTEGER NOT NULL,
    "values" TEXT NOT NULL,                -- JSON {"quantity": integer or null}
    alarms   TEXT,                         -- JSON [code, …]
    rssi_dbm INTEGER,
    snr_q4   INTEGER,
    source   TEXT NOT NULL,
    backlog  INTEGER NOT NULL,             -- 1: arrived after a younger sample of its node
    UNIQUE (node, seq)
) STRICT;

-- How far each platform has acknowledged, in arrival numbers.
CREATE TABLE platform (
    name   TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Small values of other stages that must outlive a restart (duty-cycle ledgers).
CREATE TABLE kept (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
