-- Takes back that somebody waits here.
SELECT pg_advisory_unlock_shared(7305418266091)
