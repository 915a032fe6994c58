-- The statement that lets a role keep read models in this database: each generation has a schema.
-- Binds: role.

SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), $1::text)
