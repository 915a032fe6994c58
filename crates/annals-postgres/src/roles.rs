//! Who may do what.

use crate::connect::Purpose;
use crate::open_error::OpenError;
use crate::options::PostgresOptions;
use crate::server::Server;
use crate::statement::Statement;

/// The roles that work with a log besides its owner, who runs the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles<'a> {
    /// May append and read. Cannot change or remove what is in the log, nor change the schema.
    pub application: &'a str,
    /// May read.
    pub reader: &'a str,
}

/// Gives existing roles the rights they need, and no more. Connect as the owner.
///
/// # Errors
///
/// [`OpenError`], whose variants say what to do: a role does not exist, or who connects does not
/// own the schema.
pub async fn grant(options: &PostgresOptions, roles: &Roles<'_>) -> Result<(), OpenError> {
    let server = Server::new(options)?;
    let mut session = server.connect(Purpose::Primary).await.map_err(|source| {
        OpenError::Connect { target: server.primary.to_string(), source: Box::new(source) }
    })?;
    let refused = |source| OpenError::Refused { task: "grant rights", source: Box::new(source) };
    session
        .query(Statement::NameRoles, &[&roles.application, &roles.reader])
        .await
        .map_err(refused)?;
    session.execute(GRANT_RIGHTS).await.map_err(refused)
}

/// The statements that give rights, for review or to be run with `psql`; their first comment says
/// how the roles are named.
pub const GRANT_RIGHTS: &str = include_str!("sql/grant_rights.sql");
