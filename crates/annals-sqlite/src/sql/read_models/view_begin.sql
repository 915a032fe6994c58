-- Any row: the view of a transaction begins with the first one that is read.
SELECT 1 FROM sqlite_schema LIMIT 1;
