-- Whether documents can be listed by a field. $1 its name.
SELECT EXISTS (SELECT FROM document_index WHERE name = $1)
