-- Removes a dead letter. ?1 id
DELETE FROM annals_dead_letter WHERE id = ?1;
