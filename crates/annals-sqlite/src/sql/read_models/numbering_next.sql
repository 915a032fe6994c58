-- Gives the next number to a generation. ?1 projection
INSERT INTO numbering (projection, last_number) VALUES (?1, 1)
ON CONFLICT (projection) DO UPDATE SET last_number = last_number + 1
RETURNING last_number;
