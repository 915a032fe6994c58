-- The position of the last event; no row for an empty log.
SELECT position FROM event ORDER BY position DESC LIMIT 1;
