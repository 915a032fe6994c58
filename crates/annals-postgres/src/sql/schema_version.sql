-- The last migration that was applied.
SELECT coalesce(max(migration.number), 0) AS number
FROM annals.migration
