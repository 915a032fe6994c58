-- Sets up the connection that writes.
--
-- FULL: a commit returns after the flush. Checkpoints are the writer's decision, so that no commit
-- is surprised by one. The cache holds the ends of some 10,000 busy streams.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
