-- Keeps a snapshot, unless a newer one is there; one at the same sequence is replaced. $1 aggregate type, $2 aggregate id, $3 state version,
-- $4 sequence, $5 event id, $6 checksum, $7 state.
INSERT INTO annals.snapshot AS kept (
    aggregate_type, aggregate_id, state_version, sequence, event_id, checksum, state
)
VALUES ($1::text, $2::text, $3::bigint, $4::bigint, $5::uuid, $6::bigint, $7::json)
ON CONFLICT (aggregate_type, aggregate_id, state_version) DO UPDATE
SET
    sequence = excluded.sequence,
    event_id = excluded.event_id,
    checksum = excluded.checksum,
    state = excluded.state
WHERE kept.sequence <= excluded.sequence
