-- A page of documents by the value of a field, then by key, ascending. $1 the field, $2 to $4 the
-- only value (kind, number, text) or nothing, $5 to $8 value and key before the page or nothing, $9
-- how many at most.
SELECT v.kind, v.number, v.text, v.key, d.body::text
FROM document_value AS v
JOIN document AS d ON d.key = v.key
WHERE v.name = $1
    AND ($2::smallint IS NULL OR (v.kind, v.number, v.text) = ($2, $3::bigint, $4::text))
    AND (
        $5::smallint IS NULL
        OR (v.kind, v.number, v.text, v.key) > ($5, $6::bigint, $7::text, $8::text)
    )
ORDER BY v.name, v.kind, v.number, v.text, v.key
LIMIT $9
