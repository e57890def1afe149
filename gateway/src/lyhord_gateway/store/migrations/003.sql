-- What a platform has acknowledged above its cursor, while an older backlog still waits; docs/decisions/live-first.md.
ALTER TABLE platform ADD COLUMN ahead TEXT NOT NULL DEFAULT '[]'; -- JSON [[first, end], …] of arrival numbers
