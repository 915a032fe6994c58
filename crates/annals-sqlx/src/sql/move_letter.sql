-- Makes a dead letter be about the first event of its queue, which is to be retried if anything is
-- asked for. $1 letter, $2 the event's position, $3 its type, $4 what to say of it.
UPDATE annals_read.dead_letter
SET position = $2,
    event_type = $3,
    error = $4,
    attempts = 0,
    request = CASE
        WHEN request IS NOT NULL THEN json_build_object('kind', 'retry', 'by', request ->> 'by')
    END
WHERE id = $1
