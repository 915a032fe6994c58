-- Lists a document by a value. ?1 index, ?2 value, ?3 key
INSERT INTO document_index (name, value, key) VALUES (?1, ?2, ?3)
ON CONFLICT (name, value, key) DO NOTHING;
