-- Removes a document. ?1 key
DELETE FROM document WHERE key = ?1;
