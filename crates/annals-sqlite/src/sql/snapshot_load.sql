-- The snapshot of a stream.
-- ?1 aggregate type, ?2 aggregate id, ?3 state version, ?4 highest sequence
SELECT sequence, event_id, state, checksum FROM snapshot
WHERE aggregate_type = ?1 AND aggregate_id = ?2 AND state_version = ?3 AND sequence <= ?4;
