-- Primary keys of rows that differ or are missing on one side. $1 how many at most. A template:
-- identifiers that the server has quoted take the place of what is in braces.
SELECT coalesce(a.shown, b.shown)
FROM (
    SELECT
        ROW({keys})::text AS key,
        concat_ws(', ', {keys}) AS shown,
        ROW({columns})::text AS content
    FROM {one}
) AS a
FULL JOIN (
    SELECT
        ROW({keys})::text AS key,
        concat_ws(', ', {keys}) AS shown,
        ROW({columns})::text AS content
    FROM {other}
) AS b ON a.key = b.key
WHERE a.content IS DISTINCT FROM b.content
ORDER BY 1
LIMIT $1
