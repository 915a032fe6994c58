-- How the partitions of a generation are getting on, by number. $1 projection, $2 number.
SELECT
    p.partition,
    p.position,
    p.event_id,
    p.applied,
    p.moved_at,
    CASE WHEN p.leased_until > clock_timestamp() THEN p.worker_id END,
    p.events_per_second,
    p.last_error,
    coalesce(blocked.letters, 0),
    coalesce(blocked.queued, 0)
FROM annals_read.partition AS p
LEFT JOIN (
    SELECT l.partition, count(*) AS letters, sum(q.events)::bigint AS queued
    FROM annals_read.dead_letter AS l
    CROSS JOIN LATERAL (
        SELECT count(*) AS events FROM annals_read.queued_event AS e WHERE e.letter_id = l.id
    ) AS q
    WHERE l.projection = $1 AND l.generation = $2 AND l.discarded_at IS NULL
    GROUP BY l.partition
) AS blocked ON blocked.partition = p.partition
WHERE p.projection = $1 AND p.generation = $2
ORDER BY p.partition
