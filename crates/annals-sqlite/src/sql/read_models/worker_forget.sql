-- Counts a worker no more. ?1 worker
DELETE FROM annals_worker WHERE worker = ?1;
