//! Who may do what.

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};

use crate::deadline::in_time;
use crate::open_error::OpenError;
use crate::options::ReadModelsOptions;

/// The roles that work with read models, besides the owner of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles<'a> {
    /// Keeps them: it makes the schemas, owns them, and writes.
    pub application: &'a str,
    /// May read them, those to come included.
    pub reader: &'a str,
}

/// Gives existing roles the rights they need, and no more. Connect as the owner of the database,
/// who is a member of the application role, or as a superuser.
///
/// The reader sees what the application has made by then and makes later; not what another role
/// has made, such as the bookkeeping if the owner has migrated it.
///
/// # Errors
///
/// [`OpenError::Connect`]; [`OpenError::Grant`] if a role does not exist, or who connects may not
/// give these rights. Nothing was changed.
pub async fn grant(options: &ReadModelsOptions, roles: &Roles<'_>) -> Result<(), OpenError> {
    let mut connection = in_time(options.acquire_timeout, options.connect.connect())
        .await
        .map_err(|source| OpenError::Connect { target: options.target(), source })?;
    let granted = give(&mut connection, roles).await;
    let _ = connection.close().await;
    granted.map_err(|source| OpenError::Grant { source })
}

async fn give(connection: &mut PgConnection, roles: &Roles<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("sql/name_roles.sql"))
        .bind(roles.application)
        .bind(roles.reader)
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(GRANT_RIGHTS).execute(connection).await?;
    Ok(())
}

/// The statements that give rights, for review or to be run with `psql`; their first comment says
/// how the roles are named.
pub const GRANT_RIGHTS: &str = include_str!("sql/grant_rights.sql");
