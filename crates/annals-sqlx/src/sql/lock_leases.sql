-- Locks the partitions that are to move, in order, if their leases hold and they are where the
-- leases say. $1 projection, $2 generation, $3 worker, and by place: $4 partitions, $5 fencing
-- tokens, $6 positions, $7 events there.
SELECT p.partition FROM annals_read.partition AS p
JOIN unnest($4::integer[], $5::bigint[], $6::bigint[], $7::uuid[])
    AS l (partition, fencing_token, position, event_id) ON l.partition = p.partition
WHERE p.projection = $1 AND p.generation = $2 AND p.worker_id = $3
    AND p.fencing_token = l.fencing_token
    AND p.position = l.position
    AND p.event_id IS NOT DISTINCT FROM l.event_id
ORDER BY p.partition
FOR NO KEY UPDATE OF p
