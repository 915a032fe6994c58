-- Sets up the connection that writes to a generation.
--
-- NORMAL: after a failure of the machine rows and checkpoints are those of an earlier moment, and
-- agree; the events since then are applied again. No commit waits for a flush, only the copying of
-- the write-ahead log does.
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
PRAGMA foreign_keys = ON;
