-- The snapshot of a stream. $1 aggregate type, $2 aggregate id, $3 state version, $4 highest
-- sequence.
SELECT snapshot.sequence, snapshot.event_id, snapshot.checksum, snapshot.state
FROM annals.snapshot
WHERE snapshot.aggregate_type = $1::text
    AND snapshot.aggregate_id = $2::text
    AND snapshot.state_version = $3::bigint
    AND snapshot.sequence <= $4::bigint
