-- Ends the leases that are over, as if they had been given back. ?1 now
UPDATE annals_partition SET worker = NULL, leased_until = NULL, ttl = NULL
WHERE leased_until <= ?1;
