-- Names the roles for grant_rights.sql, in this session. $1 the application's, $2 the reader's.
SELECT
    set_config('annals.application_role', $1::text, false) AS application,
    set_config('annals.reader_role', $2::text, false) AS reader
