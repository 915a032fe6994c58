-- Moves partitions that are locked. $1 projection, $2 generation, by place $3 partitions and $4
-- events applied, $5 where they are then, $6 the event there. The lease is counted from here, where
-- the work is done.
UPDATE annals_read.partition AS p
SET position = $5,
    event_id = $6,
    applied = p.applied + m.applied,
    moved_at = clock_timestamp(),
    leased_until = clock_timestamp() + p.lease_duration,
    last_error = NULL
FROM unnest($3::integer[], $4::bigint[]) AS m (partition, applied)
WHERE p.projection = $1 AND p.generation = $2 AND p.partition = m.partition
