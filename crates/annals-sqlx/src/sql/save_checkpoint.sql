-- Moves a subscription that is where the caller thinks, at the start if it is not known yet. $1
-- name, $2 and $3 where it was, $4 and $5 where it is now: positions and the events there.
INSERT INTO annals_read.subscription AS known (name, position, event_id)
SELECT $1, $4, $5
WHERE ($2 = 0 AND $3::uuid IS NULL)
    OR EXISTS (SELECT FROM annals_read.subscription WHERE name = $1)
ON CONFLICT (name) DO UPDATE
SET position = excluded.position, event_id = excluded.event_id, moved_at = clock_timestamp()
WHERE known.position = $2 AND known.event_id IS NOT DISTINCT FROM $3
