-- One document. $1 key.
SELECT body::text FROM document WHERE key = $1
