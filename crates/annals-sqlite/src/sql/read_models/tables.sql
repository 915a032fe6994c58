-- The projection's own tables, by name; those that an index of another kind keeps are left out.
SELECT name FROM pragma_table_list
WHERE schema = 'main' AND type = 'table'
    AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'annals\_%' ESCAPE '\'
ORDER BY name;
