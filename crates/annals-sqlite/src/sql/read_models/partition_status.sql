-- How the partitions are getting on. ?1 now
SELECT
    partition, position, event_id, applied, moved_at,
    CASE WHEN leased_until > ?1 THEN worker END,
    events_per_second, last_error,
    (
        SELECT count(*) FROM annals_dead_letter AS letter
        WHERE letter.partition = share.partition AND letter.discarded_at IS NULL
    ),
    (
        SELECT count(*) FROM annals_dead_letter AS letter
        JOIN annals_queued_event AS queued ON queued.letter = letter.id
        WHERE letter.partition = share.partition AND letter.discarded_at IS NULL
    )
FROM annals_partition AS share
ORDER BY partition;
