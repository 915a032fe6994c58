-- Removes documents. $1 keys.
DELETE FROM document WHERE key = ANY ($1)
