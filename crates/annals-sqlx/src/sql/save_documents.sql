-- Keeps documents, in the order given. $1 keys, $2 bodies, by place.
INSERT INTO document AS known (key, body)
SELECT d.key, d.body::json FROM unnest($1::text[], $2::text[]) AS d (key, body)
ON CONFLICT (key) DO UPDATE SET body = excluded.body
