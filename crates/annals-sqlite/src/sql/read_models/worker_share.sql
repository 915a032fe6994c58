-- The fair share: partitions divided by workers, rounded up.
SELECT (partitions + workers - 1) / workers FROM (
    SELECT
        (SELECT count(*) FROM annals_partition) AS partitions,
        (SELECT count(*) FROM annals_worker) AS workers
);
