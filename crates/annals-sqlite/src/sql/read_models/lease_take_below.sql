-- Takes what is less than the share, of what nobody has.
-- ?1 worker, ?2 ttl, ?3 leased until, ?4 events per second, ?5 last error, ?6 share
UPDATE annals_partition
SET worker = ?1, fencing_token = fencing_token + 1, ttl = ?2, leased_until = ?3,
    events_per_second = ?4, last_error = ?5
WHERE partition IN (
    SELECT partition FROM annals_partition
    WHERE worker IS NULL
    ORDER BY partition
    LIMIT max(0, ?6 - (SELECT count(*) FROM annals_partition WHERE worker = ?1))
);
