-- The last event of a stream; no row if the stream does not exist.
-- ?1 aggregate type, ?2 aggregate id
SELECT sequence, event_id FROM event
WHERE aggregate_type = ?1 AND aggregate_id = ?2
ORDER BY sequence DESC LIMIT 1;
