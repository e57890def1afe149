-- Fields of the node's about reports that have no column of their own: a JSON object, key → value.
ALTER TABLE node ADD COLUMN about TEXT NOT NULL DEFAULT '{}';
