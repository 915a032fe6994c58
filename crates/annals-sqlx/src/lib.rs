//! Read models of Annals in PostgreSQL, with sqlx.
