//! The bookkeeping schema and its migrations.

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection, Executor};

use crate::deadline::in_time;
use crate::open_error::OpenError;
use crate::options::ReadModelsOptions;

/// Numbers, from 1 without holes, and statements, which also note that they were applied. Forward
/// only, and frozen once released.
const MIGRATIONS: &[(i32, &str)] = &[(1, include_str!("sql/migrations/0001_read_models.sql"))];

/// The last migration this version knows.
fn known() -> i32 {
    MIGRATIONS.last().map_or(0, |(number, _)| *number)
}

/// Applies the migrations of the bookkeeping schema `annals_read` that are missing, and says which
/// one is the last then.
///
/// The role that connects becomes the owner. Several processes may do this at the same time: one of
/// them does it, the others wait.
///
/// # Errors
///
/// [`OpenError`], whose variants say what to do. What fails leaves no trace.
pub async fn migrate(options: &ReadModelsOptions) -> Result<i32, OpenError> {
    let mut connection = in_time(options.acquire_timeout, options.connect.connect())
        .await
        .map_err(|source| OpenError::Connect { target: options.target(), source })?;
    let applied = apply_missing(&mut connection).await;
    // All is done or rolled back; a connection that does not end properly changes nothing of it.
    let _ = connection.close().await;
    applied
}

/// Applies the migrations that are missing, in one transaction.
async fn apply_missing(connection: &mut PgConnection) -> Result<i32, OpenError> {
    let failed = |source| OpenError::Migration { source };
    let mut transaction = connection.begin().await.map_err(failed)?;
    transaction.execute(include_str!("sql/lock_migrations.sql")).await.map_err(failed)?;
    let found = find_version(&mut transaction).await.map_err(failed)?;
    if found > known() {
        return Err(OpenError::SchemaNewer { found, known: known() });
    }
    for (number, statements) in MIGRATIONS.iter().filter(|(number, _)| *number > found) {
        sqlx::raw_sql(*statements).execute(&mut *transaction).await.map_err(failed)?;
        tracing::info!(number, "applied a migration of the read models");
    }
    transaction.commit().await.map_err(failed)?;
    Ok(known())
}

/// Refuses a schema that this version does not fit.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    let found = find_version(connection).await.map_err(|source| OpenError::Migration { source })?;
    if found > known() {
        return Err(OpenError::SchemaNewer { found, known: known() });
    }
    if found < known() {
        return Err(OpenError::SchemaOutdated { found, needed: known() });
    }
    Ok(())
}

/// The last migration that was applied, 0 for none.
async fn find_version(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let is_there: bool = sqlx::query_scalar(include_str!("sql/schema_exists.sql"))
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Ok(0);
    }
    sqlx::query_scalar(include_str!("sql/schema_version.sql")).fetch_one(connection).await
}
