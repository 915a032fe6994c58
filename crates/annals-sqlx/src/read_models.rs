//! The read database.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::deadline::{Late, in_time};
use crate::migration::{check, migrate};
use crate::open_error::OpenError;
use crate::options::{ReadModelsOptions, SchemaAtOpen};
use crate::pool::{Begin, Outdated, Pool};
use crate::read_transaction::LastServing;
use crate::schema::Schema;

/// Read models in PostgreSQL.
///
/// Implements the contracts of a read database: [`Generations`](annals_core::Generations),
/// [`Leases`](annals_core::Leases), [`DeadLetters`](annals_core::DeadLetters),
/// [`CheckpointStore`](annals_core::CheckpointStore),
/// [`DocumentReader`](annals_core::DocumentReader), and [`Hosts`](annals_core::Hosts) of every
/// [`PostgresProjection`](crate::PostgresProjection).
///
/// Cloning shares the connections. Several handles, in one process or in many, may work on one
/// database at the same time.
///
/// # Cancellation
///
/// A future that is dropped leaves nothing half done: its transaction is rolled back, unless its
/// commit was already on the way.
#[derive(Clone)]
pub struct PostgresReadModels {
    /// For what keeps the read models up to date.
    workers: Arc<Pool>,
    /// For queries.
    readers: Arc<Pool>,
    /// For what takes as long as the tables are large. One at a time, so that it holds nobody up.
    builders: Arc<Pool>,
    outdated: Outdated,
    last_serving: Arc<Mutex<LastServing>>,
    /// One connection less than there are for workers.
    long_work: Arc<Semaphore>,
    operation_timeout: Duration,
    target: Arc<str>,
}

impl PostgresReadModels {
    /// Opens read models, and makes their bookkeeping first where it is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError`], whose variants say what to do.
    pub async fn open(options: ReadModelsOptions) -> Result<Self, OpenError> {
        if options.schema == SchemaAtOpen::Migrate {
            migrate(&options).await?;
        }
        let outdated = Outdated::default();
        let pool = |name, connections| Pool::new(name, connections, &options, &outdated);
        let readers_max = (options.connections_max - 1) / 2;
        let workers_max = options.connections_max - 1 - readers_max;
        let read_models = Self {
            workers: pool("workers", workers_max),
            readers: pool("readers", readers_max),
            builders: pool("builders", 1),
            outdated: outdated.clone(),
            last_serving: Arc::default(),
            long_work: Arc::new(Semaphore::new(usize::try_from(workers_max - 1).unwrap_or(1))),
            operation_timeout: options.operation_timeout,
            target: options.target().into(),
        };
        let connected = read_models.workers.connection().await;
        let mut connection =
            connected.map_err(|source| OpenError::Connect { target: options.target(), source })?;
        check(&mut connection).await?;
        drop(connection);
        Ok(read_models)
    }

    /// Closes all connections, once the transactions on them have ended.
    pub async fn close(&self) {
        self.workers.close().await;
        self.readers.close().await;
        self.builders.close().await;
    }

    /// A connection for single statements that keep the read models up to date.
    pub(crate) async fn worker(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.workers.connection().await
    }

    /// A connection for single statements of queries.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.readers.connection().await
    }

    /// Begins a transaction of whoever keeps the read models up to date. If a schema is given,
    /// plain table names mean its tables.
    pub(crate) async fn begin(
        &self,
        begin: Begin,
        schema: Option<&Schema>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.workers.begin(begin, schema).await
    }

    /// Begins a transaction that takes as long as the tables are large.
    pub(crate) async fn begin_build(
        &self,
        begin: Begin,
        schema: Option<&Schema>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.builders.begin(begin, schema).await
    }

    /// Begins a transaction of a query.
    pub(crate) async fn begin_query(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.readers.begin(Begin::View, None).await
    }

    /// Takes part in the work that may keep a connection for long. At any time one connection is
    /// left for what must not wait, such as renewing leases.
    pub(crate) async fn long_work(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        self.long_work.acquire().await.map_err(|_| sqlx::Error::PoolClosed)
    }

    /// Gives an operation up that has no answer in time.
    pub(crate) async fn in_time<T, E: From<Late>>(
        &self,
        operation: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        in_time(self.operation_timeout, operation).await
    }

    /// The generations that served when they were last looked at.
    pub(crate) fn last_serving(&self) -> &Mutex<LastServing> {
        &self.last_serving
    }

    /// Has no connection used again that is open now: it may remember tables that there are no
    /// more.
    pub(crate) fn renew_connections(&self) {
        self.outdated.mark();
    }
}

impl fmt::Debug for PostgresReadModels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.workers.size() + self.readers.size() + self.builders.size();
        formatter
            .debug_struct("PostgresReadModels")
            .field("target", &self.target)
            .field("connections", &connections)
            .finish_non_exhaustive()
    }
}
