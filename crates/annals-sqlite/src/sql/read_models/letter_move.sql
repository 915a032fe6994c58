-- Has a dead letter be about another event, which is to be retried if anything is asked for.
-- ?1 id, ?2 position
UPDATE annals_dead_letter
SET position = ?2,
    request = CASE
        WHEN request IS NOT NULL THEN json_object('kind', 'retry', 'by', request ->> 'by')
    END
WHERE id = ?1;
