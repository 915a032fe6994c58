//! When keys were last used, in a database that many machines write to.

use std::str::FromStr;
use std::time::Duration;

use annals::{BoxError, BoxFuture};
use annals_http::auth::{KeyId, LastUsed, LastUsedError, LastUses};
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::store::PostgresUrl;

/// How long it may take to be connected and answered. A process that is stopping waits as long for
/// a database that is gone, which nobody should notice.
const PATIENCE: Duration = Duration::from_secs(5);

/// A table with the time at which each key was last used: `bank_keys.last_used`, made when there is
/// something to write.
///
/// It has a connection only while it is asked, and so takes none from queries and projections.
#[derive(Debug, Clone)]
pub(super) struct LastUsedTable {
    database: PostgresUrl,
}

impl LastUsedTable {
    pub(super) fn new(database: PostgresUrl) -> Self {
        Self { database }
    }

    /// Does something on a connection of its own.
    async fn on_connection<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, BoxError>,
    ) -> Result<T, LastUsedError> {
        let worked = async {
            let options = PgConnectOptions::from_str(self.database.secret())?;
            let options = options.application_name("bank keys").disable_statement_logging();
            let mut connection = options.connect().await?;
            let done = work(&mut connection).await;
            // What was written is committed; a connection that does not end properly changes
            // nothing of it.
            let _ = connection.close().await;
            done
        };
        let worked = tokio::time::timeout(PATIENCE, worked).await;
        worked.unwrap_or_else(|late| Err(late.into())).map_err(LastUsedError::Unavailable)
    }
}

impl LastUsed for LastUsedTable {
    fn read(&self) -> BoxFuture<'_, Result<LastUses, LastUsedError>> {
        Box::pin(self.on_connection(async |connection| {
            let rows: Vec<(String, DateTime<Utc>)> =
                match sqlx::query_as(include_str!("sql/read_last_used.sql"))
                    .fetch_all(connection)
                    .await
                {
                    Err(error) if is_missing(&error) => Vec::new(),
                    rows => rows?,
                };
            rows.into_iter().map(|(id, used_at)| Ok((id.parse()?, used_at))).collect()
        }))
    }

    fn add(&self, used: LastUses) -> BoxFuture<'_, Result<(), LastUsedError>> {
        Box::pin(self.on_connection(async move |connection| match add(connection, &used).await {
            Err(error) if is_missing(&error) => {
                let create = include_str!("sql/create_last_used.sql");
                sqlx::raw_sql(create).execute(&mut *connection).await?;
                Ok(add(connection, &used).await?)
            }
            added => Ok(added?),
        }))
    }
}

async fn add(connection: &mut PgConnection, used: &LastUses) -> Result<(), sqlx::Error> {
    let ids: Vec<_> = used.keys().map(KeyId::to_string).collect();
    let times: Vec<_> = used.values().copied().collect();
    let add = sqlx::query(include_str!("sql/add_last_used.sql"));
    add.bind(ids).bind(times).execute(connection).await.map(drop)
}

/// Whether nothing was ever written, not even by another process.
fn is_missing(error: &sqlx::Error) -> bool {
    const UNDEFINED_TABLE: &str = "42P01";
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == UNDEFINED_TABLE)
}
