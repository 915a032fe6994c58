-- Whether there is a schema at all. By a look into the catalogue: to_regclass may answer from a cache
-- of the session that has not heard yet what another session did while this one waited.
SELECT EXISTS (
    SELECT
    FROM pg_class AS relation
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE namespace.nspname = 'annals' AND relation.relname = 'migration'
) AS is_there
