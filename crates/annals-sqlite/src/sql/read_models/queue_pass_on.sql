-- Queues behind another dead letter what is queued behind one. ?1 letter, ?2 the other
UPDATE annals_queued_event SET letter = ?2 WHERE letter = ?1;
