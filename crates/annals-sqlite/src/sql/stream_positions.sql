-- Where the next events of a stream stand in the log.
-- ?1 aggregate type, ?2 aggregate id, ?3 sequence already known, ?4 limit
SELECT sequence, position FROM event
WHERE aggregate_type = ?1 AND aggregate_id = ?2 AND sequence > ?3
ORDER BY sequence LIMIT ?4;
