-- Keeps a document. ?1 key, ?2 body
INSERT INTO document (key, body) VALUES (?1, ?2)
ON CONFLICT (key) DO UPDATE SET body = excluded.body;
