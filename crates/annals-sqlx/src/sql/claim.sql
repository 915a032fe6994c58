-- Brings a worker to its fair share of the partitions and renews what it has. $1 projection,
-- $2 generation, $3 worker, $4 microseconds a lease lasts, $5 events per second, $6 last error.
--
-- Waits for nobody: a row that is locked belongs to a batch that is being written, or to another
-- claim that is faster. The worker's own such rows count as its own and are renewed by the batch.
WITH pace AS (
    SELECT (every.partitions + heard.workers - 1) / heard.workers AS share, every.own
    FROM (
        SELECT count(*) AS partitions, count(*) FILTER (WHERE worker_id = $3) AS own
        FROM annals_read.partition
        WHERE projection = $1 AND generation = $2
    ) AS every
    CROSS JOIN (
        SELECT greatest(count(*), 1) AS workers FROM annals_read.worker
        WHERE projection = $1 AND generation = $2 AND heard_until > clock_timestamp()
    ) AS heard
),
own AS MATERIALIZED (
    SELECT partition FROM annals_read.partition
    WHERE projection = $1 AND generation = $2 AND worker_id = $3
    ORDER BY partition
    FOR NO KEY UPDATE SKIP LOCKED
),
free AS MATERIALIZED (
    SELECT partition FROM annals_read.partition
    WHERE projection = $1 AND generation = $2 AND worker_id IS DISTINCT FROM $3
        AND (leased_until IS NULL OR leased_until <= clock_timestamp())
    ORDER BY partition
    LIMIT (SELECT greatest(share - own, 0) FROM pace)
    FOR NO KEY UPDATE SKIP LOCKED
),
surplus AS (
    SELECT partition FROM own
    ORDER BY partition DESC
    LIMIT (SELECT greatest(own - share, 0) FROM pace)
),
decided AS (
    SELECT partition, 0 AS handed_over, partition NOT IN (SELECT partition FROM surplus) AS is_kept
    FROM own
    UNION ALL
    SELECT partition, 1, true FROM free
)
UPDATE annals_read.partition AS p
SET worker_id = CASE WHEN d.is_kept THEN $3 END,
    leased_until =
        CASE WHEN d.is_kept THEN clock_timestamp() + $4 * interval '1 microsecond' END,
    lease_duration = $4 * interval '1 microsecond',
    fencing_token = p.fencing_token + d.handed_over,
    events_per_second = CASE WHEN d.is_kept THEN $5 ELSE 0 END,
    last_error = $6
FROM decided AS d
WHERE p.projection = $1 AND p.generation = $2 AND p.partition = d.partition
