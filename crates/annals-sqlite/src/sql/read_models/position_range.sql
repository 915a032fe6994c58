-- How far the last and the first of the partitions are.
SELECT min(position), max(position) FROM annals_partition;
