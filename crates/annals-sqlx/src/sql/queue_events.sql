-- Queues events behind the dead letters their streams stand still for. $1 projection, $2
-- generation, by place $3 letters, $4 positions and $5 event types. Fewer rows than events if a
-- letter blocks nothing any more.
INSERT INTO annals_read.queued_event (letter_id, position, event_type)
SELECT l.id, q.position, q.event_type
FROM unnest($3::uuid[], $4::bigint[], $5::text[]) AS q (letter_id, position, event_type)
JOIN annals_read.dead_letter AS l ON l.id = q.letter_id
WHERE l.projection = $1 AND l.generation = $2 AND l.discarded_at IS NULL
