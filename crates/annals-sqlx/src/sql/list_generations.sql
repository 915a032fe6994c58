-- Every generation, by projection and number.
SELECT projection, number, version, partitions, log_id, state, created_at, comparison::text
FROM annals_read.generation
ORDER BY projection, number
