-- Has a dead letter be about the next event, which is to be retried: whoever asked to discard the
-- one before has not seen it. ?1 id, ?2 position, ?3 event type, ?4 what to say of it
UPDATE annals_dead_letter
SET position = ?2,
    event_type = ?3,
    error = ?4,
    attempts = 0,
    request = CASE
        WHEN request IS NOT NULL THEN json_object('kind', 'retry', 'by', request ->> 'by')
    END
WHERE id = ?1;
