-- How many tables, indexes and triggers there are.
SELECT count(*) FROM sqlite_schema;
