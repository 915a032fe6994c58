-- Asks for something to be done with a dead letter that a stream stands still for.
-- ?1 id, ?2 request
UPDATE annals_dead_letter SET request = ?2 WHERE id = ?1 AND discarded_at IS NULL;
