-- Documents by key. The bounds are bytes: they need not be text.
-- ?1 from which key on, ?2 up to and without which key, ?3 how many
SELECT key, body FROM document
WHERE key >= CAST(?1 AS TEXT) AND key < CAST(?2 AS TEXT)
ORDER BY key
LIMIT ?3;
