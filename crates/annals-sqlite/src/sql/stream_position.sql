-- Where an event of a stream stands in the log.
-- ?1 aggregate type, ?2 aggregate id, ?3 sequence
SELECT position FROM event
WHERE aggregate_type = ?1 AND aggregate_id = ?2 AND sequence = ?3;
