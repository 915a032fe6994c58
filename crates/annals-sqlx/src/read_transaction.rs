//! Queries on the generation that serves.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use annals_core::{GenerationKey, LogId, Position, ReadModelsError, Seen, Serving};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Postgres, Transaction};

use crate::generation::find_serving;
use crate::read_models::PostgresReadModels;
use crate::schema::Schema;
use crate::sql_state::unavailable;

/// A transaction on the tables of the generation that serves.
///
/// It is a connection of `sqlx` on which plain table names mean those tables. It can only read, and
/// everything it reads, [`position`](ReadTransaction::position) included, is from one state of the
/// database. It ends when it is dropped.
///
/// It occupies one of the connections for queries, and the server ends it if nothing is asked for a
/// minute: read what is needed and let it go.
#[derive(Debug)]
pub struct ReadTransaction {
    transaction: Transaction<'static, Postgres>,
    serving: Serving,
}

impl ReadTransaction {
    /// The generation that is read.
    #[must_use]
    pub fn generation(&self) -> &GenerationKey {
        &self.serving.key
    }

    /// The version of the projection that built it.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.serving.version
    }

    /// The log it is built from.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.serving.log_id
    }

    /// All events up to here are taken into account, save for those behind dead letters.
    #[must_use]
    pub fn position(&self) -> Position {
        self.serving.position
    }

    /// An answer, with how new it is.
    #[must_use]
    pub fn seen<T>(&self, value: T) -> Seen<T> {
        Seen {
            value,
            generation: self.serving.key.clone(),
            log_id: self.serving.log_id,
            position: self.serving.position,
        }
    }
}

impl Deref for ReadTransaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for ReadTransaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

impl PostgresReadModels {
    /// Begins a transaction on the tables of the generation of `projection` that serves.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if none serves; [`ReadModelsError::Unavailable`] if the server
    /// cannot be reached, or no connection for queries becomes free in time.
    pub async fn read(&self, projection: &str) -> Result<ReadTransaction, ReadModelsError> {
        self.in_time(self.begin_read(projection)).await
    }

    async fn begin_read(&self, projection: &str) -> Result<ReadTransaction, ReadModelsError> {
        loop {
            let mut transaction = self.begin_query().await.map_err(unavailable)?;
            let serving = find_serving(&mut *transaction, projection).await.map_err(unavailable)?;
            let serving = serving.ok_or_else(|| ReadModelsError::NotFound {
                what: format!("generation of {projection:?} that serves"),
            })?;
            if self.is_news(&serving.key) {
                // This connection may remember statements for the tables of the former one.
                self.renew_connections();
                continue;
            }
            let schema = Schema::of(&serving.key)?;
            transaction.execute(AssertSqlSafe(schema.use_it())).await.map_err(unavailable)?;
            return Ok(ReadTransaction { transaction, serving });
        }
    }

    /// Whether another generation than this one served when it was last looked at.
    fn is_news(&self, serving: &GenerationKey) -> bool {
        let mut last_serving = self.last_serving().lock().unwrap_or_else(PoisonError::into_inner);
        let before = last_serving.insert(serving.projection.clone(), serving.number);
        before.is_some_and(|before| before != serving.number)
    }
}

/// The generation of each projection that served when it was last looked at.
pub(crate) type LastServing = BTreeMap<String, u32>;
