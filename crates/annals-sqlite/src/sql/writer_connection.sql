-- Sets up the connection that writes.
--
-- FULL: a commit returns after the flush. Checkpoints are the writer's decision, so that no commit
-- is surprised by one.
--
-- The cache is small because a commit looks through all of it once a page of an index was split:
-- the split gives a page the highest number there is for a moment, and the commit then looks for
-- what lies beyond the end of the file. With 64 MiB that was a fifth of what the writer did. What
-- this cache does not hold, that of the system does.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -8192;
