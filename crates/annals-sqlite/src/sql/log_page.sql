-- The next events of the log.
-- ?1 position already known, ?2 last position, ?3 limit
SELECT
    position, aggregate_type, aggregate_id, sequence, event_type, event_version, event_id,
    payload, metadata, tags, timestamp, checksum
FROM event
WHERE position > ?1 AND position <= ?2
ORDER BY position LIMIT ?3;
