//! The schema and its migrations.

use thiserror::Error;

use crate::connect::Purpose;
use crate::open_error::OpenError;
use crate::options::PostgresOptions;
use crate::server::Server;
use crate::session::{Session, SessionError};
use crate::statement::{LOCK_MIGRATIONS, Statement};

/// A change of the schema. Forward only, and frozen once released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// Its number, from 1 without holes.
    pub number: i32,
    /// What it is about.
    pub name: &'static str,
    /// The statements, complete: they also note that the migration was applied.
    pub sql: &'static str,
}

const MIGRATIONS: &[Migration] =
    &[Migration { number: 1, name: "log", sql: include_str!("sql/migrations/0001_log.sql") }];

/// Every migration, in the order in which they are applied.
#[must_use]
pub fn migrations() -> &'static [Migration] {
    MIGRATIONS
}

/// The SQL of every migration, for review or for a database administrator to run with `psql`.
///
/// Each is a transaction of its own. Run them as the role that is to own the schema.
#[must_use]
pub fn print_migrations() -> String {
    let mut script = String::new();
    for Migration { number, name, sql } in MIGRATIONS {
        script += &format!("-- Migration {number}: {name}\nBEGIN;\n{sql}COMMIT;\n");
    }
    script
}

/// Applies the migrations that are missing, and gives those.
///
/// The role that connects becomes the owner of what is created. Several processes may do this at
/// the same time: one of them does it, the others wait.
///
/// # Errors
///
/// [`OpenError`], whose variants say what to do. A migration that fails leaves no trace.
pub async fn migrate(options: &PostgresOptions) -> Result<Vec<Migration>, OpenError> {
    let server = Server::new(options)?;
    let mut session = server.connect(Purpose::Primary).await.map_err(|source| {
        OpenError::Connect { target: server.primary.to_string(), source: Box::new(source) }
    })?;
    server.check(&mut session).await?;
    apply(&mut session).await
}

/// Applies the migrations that are missing.
pub(crate) async fn apply(session: &mut Session) -> Result<Vec<Migration>, OpenError> {
    let mut applied = Vec::new();
    for migration in MIGRATIONS {
        if current(session).await? >= migration.number {
            continue;
        }
        let number = migration.number;
        let failed = |source| OpenError::Migration { number, source: Box::new(source) };
        if apply_one(session, migration).await.map_err(failed)? {
            tracing::info!(number, name = migration.name, "applied a migration");
            applied.push(*migration);
        }
    }
    check(session).await?;
    Ok(applied)
}

/// Whether it was this session that applied it.
async fn apply_one(session: &mut Session, migration: &Migration) -> Result<bool, MigrationError> {
    session.execute("BEGIN").await?;
    let applied = apply_locked(session, migration).await;
    session.execute(if applied.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    applied
}

async fn apply_locked(
    session: &mut Session,
    migration: &Migration,
) -> Result<bool, MigrationError> {
    session.execute(LOCK_MIGRATIONS).await?;
    let before = current(session).await?;
    if before >= migration.number {
        return Ok(false);
    }
    session.execute(migration.sql).await?;
    Ok(true)
}

/// Why a migration was rolled back.
#[derive(Debug, Error)]
enum MigrationError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// The last migration that was applied, 0 for none.
async fn current(session: &mut Session) -> Result<i32, OpenError> {
    let refused = |source: SessionError| OpenError::Refused {
        task: "say which migrations were applied",
        source: Box::new(source),
    };
    let row = session.query_one(Statement::SchemaExists, &[]).await.map_err(refused)?;
    let is_there: bool = row.try_get("is_there").map_err(|error| refused(error.into()))?;
    if !is_there {
        return Ok(0);
    }
    let row = session.query_one(Statement::SchemaVersion, &[]).await.map_err(refused)?;
    row.try_get("number").map_err(|error| refused(error.into()))
}

/// Refuses a schema that this version does not fit.
pub(crate) async fn check(session: &mut Session) -> Result<(), OpenError> {
    let found = current(session).await?;
    let known = MIGRATIONS.last().map_or(0, |last| last.number);
    if found > known {
        return Err(OpenError::SchemaNewer { found, known });
    }
    if found < known {
        return Err(OpenError::SchemaOutdated { found, needed: known });
    }
    Ok(())
}
