-- Documents by the value of an index, then by key, from the highest.
-- ?1 index, ?2 and ?3 value and key before the first, ?4 and ?5 value and key behind the last,
-- ?6 how many
SELECT entry.key, document.body, entry.value FROM document_index AS entry
JOIN document ON document.key = entry.key
WHERE entry.name = ?1
    AND (entry.value, entry.key) > (?2, ?3)
    AND (entry.value, entry.key) < (?4, ?5)
ORDER BY entry.value DESC, entry.key DESC
LIMIT ?6;
