-- Parks an event.
-- ?1 id, ?2 partition, ?3 aggregate type, ?4 aggregate id, ?5 position, ?6 event type, ?7 error,
-- ?8 attempts, ?9 now, ?10 request
INSERT INTO annals_dead_letter (
    id, partition, aggregate_type, aggregate_id, position, event_type, error, attempts,
    since, last_attempt_at, request
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10);
