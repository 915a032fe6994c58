-- Gives back what is more than the share. ?1 worker, ?2 share
UPDATE annals_partition SET worker = NULL, leased_until = NULL, ttl = NULL
WHERE worker = ?1 AND partition NOT IN (
    SELECT partition FROM annals_partition WHERE worker = ?1 ORDER BY partition LIMIT ?2
);
