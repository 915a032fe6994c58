-- Counts workers no more that have not been heard of. ?1 now
DELETE FROM annals_worker WHERE counts_until <= ?1;
