-- When the last event was written; no row for an empty log.
SELECT timestamp FROM event WHERE position = (SELECT max(position) FROM event);
