-- Gives back whatever a worker has. ?1 worker
UPDATE annals_partition SET worker = NULL, leased_until = NULL, ttl = NULL WHERE worker = ?1;
