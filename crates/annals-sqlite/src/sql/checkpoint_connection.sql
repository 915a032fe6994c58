-- Sets up the connection that copies the write-ahead log into the database file.
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 0;
