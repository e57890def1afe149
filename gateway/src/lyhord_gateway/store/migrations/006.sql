-- Where a key's own downlink counters begin in the count of its node: 0, or beyond all that the keys before had.
ALTER TABLE node_key ADD COLUMN begins INTEGER NOT NULL DEFAULT 0;
