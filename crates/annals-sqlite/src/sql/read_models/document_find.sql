-- One document. ?1 key
SELECT body FROM document WHERE key = ?1;
