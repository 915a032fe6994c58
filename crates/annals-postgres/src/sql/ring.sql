-- Wakes readers in other processes, if any waits. By itself, never beside an append: at its commit a
-- notification takes a lock that the whole cluster shares, and it is a write.
--
-- Who waits shares a lock. If it can be had alone, nobody else waits at this moment, and whoever
-- begins to looks at the head after that. Another process that rings at the same time looks like one
-- that waits, which costs a ring.
SELECT pg_notify('annals', '')
WHERE NOT pg_try_advisory_xact_lock(7305418266091)
