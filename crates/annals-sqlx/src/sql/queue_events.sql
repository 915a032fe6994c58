-- Queues events behind the dead letters their streams stand still for. $1 projection, $2
-- generation, by place $3 letters and $4 positions. Fewer rows than events if a letter blocks
-- nothing any more.
INSERT INTO annals_read.queued_event (letter_id, position)
SELECT l.id, q.position FROM unnest($3::uuid[], $4::bigint[]) AS q (letter_id, position)
JOIN annals_read.dead_letter AS l ON l.id = q.letter_id
WHERE l.projection = $1 AND l.generation = $2 AND l.discarded_at IS NULL
