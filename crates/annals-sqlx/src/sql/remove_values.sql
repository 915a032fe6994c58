-- Removes values of index fields. By place: $1 names, $2 keys.
DELETE FROM document_value AS known
USING unnest($1::text[], $2::text[]) AS v (name, key)
WHERE known.name = v.name AND known.key = v.key
