-- All generations, in order.
SELECT projection, number, version, partitions, log_id, state, created_at, comparison
FROM generation
ORDER BY projection, number;
