-- Gives an application and a reader their rights. The roles exist already and are named in the
-- session before:
--   SET annals.application_role = 'bank'; SET annals.reader_role = 'bank_reports';
DO $$
DECLARE
    application text := current_setting('annals.application_role');
    reader text := current_setting('annals.reader_role');
BEGIN
    -- Without rights to give, GRANT gives none and only warns.
    IF NOT EXISTS (
        SELECT FROM pg_namespace WHERE nspname = 'annals' AND pg_has_role(nspowner, 'USAGE')
    ) THEN
        RAISE EXCEPTION 'only the owner of the schema annals gives rights on it'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA annals TO %I, %I', application, reader);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA annals TO %I, %I', application, reader);
    EXECUTE format(
        'GRANT INSERT ON annals.event, annals.event_tag, annals.command, annals.snapshot TO %I',
        application
    );
    -- Locking the head row needs the right to update it; a trigger refuses to.
    EXECUTE format('GRANT UPDATE (singleton) ON annals.head TO %I', application);
    -- Snapshots are shortcuts and may change.
    EXECUTE format('GRANT UPDATE, DELETE ON annals.snapshot TO %I', application);
END
$$
