-- A page of documents by key, ascending. $1 the first key of the prefix, $2 the first key behind it
-- or nothing, $3 the key before the page or nothing, $4 how many at most.
SELECT key, body::text FROM document
WHERE key >= $1 AND ($2::text IS NULL OR key < $2) AND ($3::text IS NULL OR key > $3)
ORDER BY key
LIMIT $4
