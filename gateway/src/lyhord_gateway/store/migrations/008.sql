-- The list of unknown nodes under its present name; the older one is what version 1.0.0 wrote.
UPDATE OR IGNORE kept SET key = 'unknown_nodes' WHERE key = 'strangers';
DELETE FROM kept WHERE key = 'strangers';
