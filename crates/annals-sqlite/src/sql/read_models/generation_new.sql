-- Sets up the connection that makes the file of a generation.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
