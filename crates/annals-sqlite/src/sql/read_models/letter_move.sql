-- Has a dead letter be about another event. ?1 id, ?2 position
UPDATE annals_dead_letter SET position = ?2 WHERE id = ?1;
