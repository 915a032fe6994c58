-- Prepares an empty file, before its first table: pages of 4 KiB, as the file systems below have
-- them. Smaller ones are read and written back whole by those, larger ones cost every commit more.
PRAGMA page_size = 4096;
PRAGMA synchronous = FULL;
