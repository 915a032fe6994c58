-- The generation of a projection that is being built or held. ?1 projection
SELECT number, state FROM generation
WHERE projection = ?1 AND state IN ('building', 'held');
