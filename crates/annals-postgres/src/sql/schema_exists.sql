-- Whether there is a schema at all.
SELECT to_regclass('annals.migration') IS NOT NULL AS is_there
