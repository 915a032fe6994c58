-- Takes the next number of a projection; others wait for its row until the end of the transaction.
-- $1 projection.
INSERT INTO annals_read.projection AS known (name, generations_begun) VALUES ($1, 1)
ON CONFLICT (name) DO UPDATE SET generations_begun = known.generations_begun + 1
RETURNING generations_begun
