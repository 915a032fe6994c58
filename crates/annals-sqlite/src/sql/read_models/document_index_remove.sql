-- Lists a document by a value no more. ?1 index, ?2 value, ?3 key
DELETE FROM document_index WHERE name = ?1 AND value = ?2 AND key = ?3;
