-- Declares a field by which documents can be listed. ?1 name
INSERT INTO document_index_name (name) VALUES (?1);
