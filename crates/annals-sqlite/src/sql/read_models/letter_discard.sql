-- Remembers that a dead letter was discarded. ?1 id, ?2 now
UPDATE annals_dead_letter SET discarded_at = ?2 WHERE id = ?1;
