-- Declares the fields by which documents can be listed. $1 names.
INSERT INTO document_index (name) SELECT unnest($1::text[])
