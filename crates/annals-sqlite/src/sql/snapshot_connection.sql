-- Sets up the connection to the file of snapshots. Nothing is flushed: after a power failure the
-- file may be damaged, which is noticed, and it is made anew.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
