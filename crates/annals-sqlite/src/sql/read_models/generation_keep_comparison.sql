-- Keeps a comparison with a generation that is being built.
-- ?1 projection, ?2 number, ?3 comparison, ?4 what the generation is for from now on
UPDATE generation SET comparison = ?3, state = ?4
WHERE projection = ?1 AND number = ?2 AND state = 'building';
