-- Enters a generation.
-- ?1 projection, ?2 number, ?3 version, ?4 partitions, ?5 log id, ?6 state, ?7 created at
INSERT INTO generation (projection, number, version, partitions, log_id, state, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
