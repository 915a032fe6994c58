-- How far all partitions are.
SELECT min(position) FROM annals_partition;
