-- The generation that serves, and how far all its partitions are. $1 projection.
SELECT g.number, g.version, g.log_id, min(p.position)
FROM annals_read.generation AS g
JOIN annals_read.partition AS p ON p.projection = g.projection AND p.generation = g.number
WHERE g.projection = $1 AND g.state = 'serving'
GROUP BY g.projection, g.number
