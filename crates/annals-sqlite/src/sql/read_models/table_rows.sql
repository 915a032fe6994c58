-- All rows of a table by primary key, for comparing. The names in braces are put in quoted: SQL has
-- no binds for names.
SELECT {columns} FROM {table} ORDER BY {key};
