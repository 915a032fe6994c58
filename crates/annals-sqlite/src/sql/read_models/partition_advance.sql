-- Moves a checkpoint on, if the lease holds and it is where the worker believes; never back.
-- ?1 partition, ?2 fencing token, ?3 worker, ?4 position before, ?5 event id before, ?6 position,
-- ?7 event id, ?8 events applied, ?9 now
UPDATE annals_partition
SET position = ?6, event_id = ?7, applied = applied + ?8, moved_at = ?9,
    leased_until = max(leased_until, ?9 + ttl), last_error = NULL
WHERE partition = ?1 AND fencing_token = ?2 AND worker = ?3 AND leased_until > ?9
    AND position = ?4 AND event_id IS ?5 AND position <= ?6;
