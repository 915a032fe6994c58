-- Whether a dead letter blocks its stream, and the first events queued behind it. $1 letter, $2 how
-- many at most. No row if it blocks nothing.
SELECT ARRAY(
    SELECT q.position FROM annals_read.queued_event AS q
    WHERE q.letter_id = l.id
    ORDER BY q.position
    LIMIT $2
)
FROM annals_read.dead_letter AS l
WHERE l.id = $1 AND l.discarded_at IS NULL
