-- The next events of a stream. The caller stops at the end of its range of positions.
-- ?1 aggregate type, ?2 aggregate id, ?3 sequence already known, ?4 limit
SELECT
    position, aggregate_type, aggregate_id, sequence, event_type, event_version, event_id,
    payload, metadata, tags, timestamp, checksum
FROM event
WHERE aggregate_type = ?1 AND aggregate_id = ?2 AND sequence > ?3
ORDER BY sequence LIMIT ?4;
