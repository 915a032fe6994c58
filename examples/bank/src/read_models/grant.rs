//! The right to keep read models.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use thiserror::Error;

use crate::store::PostgresUrl;

/// The database refuses to grant the right to keep read models. Log in as its owner.
#[derive(Debug, Error)]
#[error("the database refuses to grant the right to create schemas")]
pub struct GrantError(#[from] sqlx::Error);

/// Lets a role keep read models in the database at `url`: it may create schemas there.
///
/// # Errors
///
/// [`GrantError`], whose source says what the database said.
pub async fn grant(url: &PostgresUrl, role: &str) -> Result<(), GrantError> {
    let mut session = PgConnection::connect(url.secret()).await?;
    let statement: String = sqlx::query_scalar(include_str!("sql/grant_statement.sql"))
        .bind(role)
        .fetch_one(&mut session)
        .await?;
    // The database has quoted the names in it.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut session).await?;
    session.close().await?;
    Ok(())
}
