-- Keeps other migrations of this database waiting until the end of the transaction. The number is
-- that of this lock and means nothing.
SELECT pg_advisory_xact_lock(6100847294014)
