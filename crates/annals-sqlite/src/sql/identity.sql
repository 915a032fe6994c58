-- What kind of file this is and which migration it is at.
SELECT application_id, user_version FROM pragma_application_id, pragma_user_version;
