-- Counts a worker that was heard of. ?1 worker, ?2 ttl, ?3 counts until
INSERT INTO annals_worker (worker, ttl, counts_until) VALUES (?1, ?2, ?3)
ON CONFLICT (worker) DO UPDATE SET ttl = excluded.ttl, counts_until = excluded.counts_until;
