-- Counts events that were applied later than their turn, if the lease holds.
-- ?1 partition, ?2 fencing token, ?3 worker, ?4 events applied, ?5 now
UPDATE annals_partition
SET applied = applied + ?4, leased_until = max(leased_until, ?5 + ttl), last_error = NULL
WHERE partition = ?1 AND fencing_token = ?2 AND worker = ?3 AND leased_until > ?5;
