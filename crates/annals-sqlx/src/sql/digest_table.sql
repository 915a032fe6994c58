-- How many rows a table has, and a digest that does not depend on their order. A template:
-- identifiers that the server has quoted take the place of what is in braces.
SELECT
    count(*),
    md5(concat_ws(
        ',',
        sum(hashtextextended(r.content COLLATE "C", 0)::numeric),
        sum(hashtextextended(r.content COLLATE "C", 1)::numeric)
    ))
FROM (SELECT ROW({columns})::text AS content FROM {table}) AS r
