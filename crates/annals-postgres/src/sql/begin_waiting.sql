-- Tells other processes that somebody waits here, for as long as the session lasts or until it is
-- taken back. Beside LISTEN and before the look at the head: who writes after that look rings. The
-- number is that of this lock and means nothing.
SELECT pg_advisory_lock_shared(7305418266091)
