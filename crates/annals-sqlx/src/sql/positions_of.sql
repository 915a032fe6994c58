-- Between which positions the partitions of a generation are. $1 projection, $2 number.
SELECT min(position), max(position) FROM annals_read.partition
WHERE projection = $1 AND generation = $2
