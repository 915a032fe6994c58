-- The sequences of the events an append wrote.
-- ?1 first position, ?2 last position
SELECT sequence FROM event WHERE position BETWEEN ?1 AND ?2 ORDER BY position;
