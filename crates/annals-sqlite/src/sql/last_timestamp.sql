-- When the last event was written; no row for an empty log.
SELECT timestamp FROM event ORDER BY position DESC LIMIT 1;
