-- Whether documents can be listed by a field. ?1 name
SELECT 1 FROM document_index_name WHERE name = ?1;
