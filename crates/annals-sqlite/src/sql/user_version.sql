-- Which migration the file is at. Reads the first bytes of the file only.
PRAGMA user_version;
