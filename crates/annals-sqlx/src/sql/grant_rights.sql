-- Lets an application keep read models in this database and a reader read them, those to come
-- included. The roles exist already and are named in the session before:
--   SET annals.application_role = 'bank'; SET annals.reader_role = 'bank_reports';
-- Run by the owner of the database, who is a member of the application role, or by a superuser.
DO $$
DECLARE
    application text := current_setting('annals.application_role');
    reader text := current_setting('annals.reader_role');
    schema_name name;
BEGIN
    -- Each generation has a schema of its own.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO %I', current_database(), application);
    -- Without rights to give, GRANT gives none and only warns.
    IF NOT has_database_privilege(application, current_database(), 'CREATE') THEN
        RAISE EXCEPTION 'only the owner of the database lets others create schemas in it'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- What the application makes from now on, and what it has made.
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT USAGE ON SCHEMAS TO %I', application, reader
    );
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT SELECT ON TABLES TO %I', application, reader
    );
    FOR schema_name IN
        SELECT n.nspname FROM pg_namespace AS n
        JOIN pg_roles AS r ON r.oid = n.nspowner
        WHERE r.rolname = application
        ORDER BY n.nspname
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, reader);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', schema_name, reader);
    END LOOP;
END
$$
