-- Counts a worker on that is writing. ?1 worker, ?2 now
UPDATE annals_worker SET counts_until = ?2 + ttl WHERE worker = ?1;
