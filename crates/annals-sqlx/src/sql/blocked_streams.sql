-- The streams of partitions that stand still, by partition and position. $1 projection, $2
-- generation, $3 partitions.
SELECT aggregate_type, aggregate_id, id, position, request::text FROM annals_read.dead_letter
WHERE projection = $1 AND generation = $2 AND partition = ANY ($3) AND discarded_at IS NULL
ORDER BY partition, position
