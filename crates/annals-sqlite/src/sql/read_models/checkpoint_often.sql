-- Copies the write-ahead log when it has 4 MiB. Whoever applies next waits for that, for some
-- milliseconds.
PRAGMA wal_autocheckpoint = 1000;
