-- Keeps a snapshot unless a newer one is there.
-- ?1 aggregate type, ?2 aggregate id, ?3 state version, ?4 sequence, ?5 event id, ?6 state,
-- ?7 checksum
INSERT INTO snapshot (
    aggregate_type, aggregate_id, state_version, sequence, event_id, state, checksum
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (aggregate_type, aggregate_id, state_version) DO UPDATE SET
    sequence = excluded.sequence,
    event_id = excluded.event_id,
    state = excluded.state,
    checksum = excluded.checksum
WHERE excluded.sequence >= snapshot.sequence;
