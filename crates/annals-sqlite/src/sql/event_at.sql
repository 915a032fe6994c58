-- One event by its position.
-- ?1 position
SELECT
    position, aggregate_type, aggregate_id, sequence, event_type, event_version, event_id,
    payload, metadata, tags, timestamp, checksum
FROM event
WHERE position = ?1;
