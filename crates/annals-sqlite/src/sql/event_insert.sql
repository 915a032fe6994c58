-- Writes one event.
-- ?1 position, ?2 aggregate type, ?3 aggregate id, ?4 sequence, ?5 event type, ?6 event version,
-- ?7 event id, ?8 payload, ?9 metadata, ?10 tags, ?11 timestamp, ?12 checksum
INSERT OR ROLLBACK INTO event (
    position, aggregate_type, aggregate_id, sequence, event_type, event_version, event_id,
    payload, metadata, tags, timestamp, checksum
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);
