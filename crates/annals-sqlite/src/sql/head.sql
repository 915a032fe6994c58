-- The position of the last event; NULL for an empty log.
SELECT max(position) FROM event;
