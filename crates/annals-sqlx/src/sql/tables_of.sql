-- The tables of a schema by name, with their columns by name, the types of these, and the columns
-- of the primary key. Names of columns are quoted as identifiers. $1 schema.
SELECT
    c.relname::text,
    quote_ident(c.relname),
    ARRAY(
        SELECT quote_ident(a.attname) FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname
    ),
    -- A type of the schema itself has the same name in each generation.
    ARRAY(
        SELECT CASE
            WHEN t.typnamespace = c.relnamespace THEN t.typname::text
            ELSE format_type(a.atttypid, a.atttypmod)
        END
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname
    ),
    ARRAY(
        SELECT quote_ident(a.attname)
        FROM pg_index AS i
        CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary
        ORDER BY k.place
    )
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C"
