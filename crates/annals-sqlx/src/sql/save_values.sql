-- Keeps values of index fields. By place: $1 names, $2 keys, $3 kinds, $4 numbers, $5 texts.
INSERT INTO document_value AS known (name, key, kind, number, text)
SELECT v.name, v.key, v.kind, v.number, v.text
FROM unnest($1::text[], $2::text[], $3::smallint[], $4::bigint[], $5::text[])
    AS v (name, key, kind, number, text)
ON CONFLICT (key, name) DO UPDATE
SET kind = excluded.kind, number = excluded.number, text = excluded.text
WHERE (known.kind, known.number, known.text) <> (excluded.kind, excluded.number, excluded.text)
