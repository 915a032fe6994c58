-- Documents by key. $1 keys.
SELECT key, body::text FROM document WHERE key = ANY ($1)
