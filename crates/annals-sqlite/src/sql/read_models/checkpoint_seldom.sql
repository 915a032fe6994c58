-- Copies the write-ahead log when it has 64 MiB. A page that each batch changes is then copied once
-- for several of them.
PRAGMA wal_autocheckpoint = 16384;
