-- Sets up the connection that writes the catalog. Checkpoints of subscriptions need not survive a
-- failure of the machine; what must is written with the next statement but one.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
