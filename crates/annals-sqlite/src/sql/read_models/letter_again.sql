-- Parks an event of a stream that stands still already. A request is done with then, save one to
-- discard this very event.
-- ?1 id, ?2 position, ?3 event type, ?4 error, ?5 attempts, ?6 now
UPDATE annals_dead_letter
SET position = ?2, event_type = ?3, error = ?4, attempts = attempts + ?5, last_attempt_at = ?6,
    request = CASE WHEN position = ?2 AND request ->> 'kind' = 'discard' THEN request END
WHERE id = ?1;
