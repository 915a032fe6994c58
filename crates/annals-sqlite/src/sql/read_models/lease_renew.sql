-- Renews what a worker has, and keeps its report.
-- ?1 worker, ?2 ttl, ?3 leased until, ?4 events per second, ?5 last error
UPDATE annals_partition
SET ttl = ?2, leased_until = ?3, events_per_second = ?4, last_error = ?5
WHERE worker = ?1;
