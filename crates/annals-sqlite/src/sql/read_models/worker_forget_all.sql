-- Counts no worker any more.
DELETE FROM annals_worker;
