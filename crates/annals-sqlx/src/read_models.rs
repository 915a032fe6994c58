//! The read database.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::deadline::{Late, in_time};
use crate::migration::{check, migrate};
use crate::open_error::OpenError;
use crate::options::{ReadModelsOptions, SchemaAtOpen};
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
    workers: PgPool,
    /// For queries.
    readers: PgPool,
    /// For what takes as long as the tables are large. One at a time, so that it holds nobody up.
    builders: PgPool,
    outdated: Outdated,
    last_serving: Arc<Mutex<LastServing>>,
    /// One connection less than there are for workers.
    long_work: Arc<Semaphore>,
    operation_timeout: Duration,
    target: Arc<str>,
}

/// Connections that were opened before are not used again: they remember statements and types of
/// tables that there may be no more.
#[derive(Debug, Clone, Default)]
struct Outdated(Arc<Mutex<Option<Instant>>>);

impl Outdated {
    fn mark(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn contains(&self, opened_at: Option<Instant>) -> bool {
        let before = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before.is_some_and(|before| opened_at.is_none_or(|opened_at| opened_at <= before))
    }
}

/// A connection that was idle for so long is tested before it is used again.
///
/// Under load no round trip is spent on it, and after a quiet time in which the server was started
/// again nobody gets to see an error.
const TEST_AFTER: Duration = Duration::from_secs(2);

/// A connection that is given back and does not answer for so long is closed.
const TEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How a transaction begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begin {
    /// It writes what could be built again.
    Work,
    /// It writes what must last.
    Change,
    /// It reads one state of the database.
    View,
}

impl Begin {
    const fn statement(self) -> &'static str {
        match self {
            Self::Work => include_str!("sql/begin_work.sql"),
            Self::Change => include_str!("sql/begin_change.sql"),
            Self::View => include_str!("sql/begin_view.sql"),
        }
    }
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
        let pool = |connections| {
            let outdated = outdated.clone();
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .before_acquire(move |connection, past| {
                    let is_outdated = outdated.contains(Instant::now().checked_sub(past.age));
                    Box::pin(async move {
                        if !is_outdated && past.idle_for >= TEST_AFTER {
                            connection.ping().await?;
                        }
                        Ok(!is_outdated)
                    })
                })
                .after_release(|connection, _| {
                    // It also ends what was left in the middle. A server that is silent would keep
                    // the place in the pool for as long.
                    Box::pin(async {
                        in_time(TEST_TIMEOUT, connection.ping()).await.map(|()| true)
                    })
                })
                .connect_lazy_with(options.connect.clone())
        };
        let readers_max = (options.connections_max - 1) / 2;
        let workers_max = options.connections_max - 1 - readers_max;
        let read_models = Self {
            workers: pool(workers_max),
            readers: pool(readers_max),
            builders: pool(1),
            outdated: outdated.clone(),
            last_serving: Arc::default(),
            long_work: Arc::new(Semaphore::new(usize::try_from(workers_max - 1).unwrap_or(1))),
            operation_timeout: options.operation_timeout,
            target: options.target().into(),
        };
        let connected = read_models.workers.acquire().await;
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

    /// Connections for single statements that keep the read models up to date.
    pub(crate) fn workers(&self) -> &PgPool {
        &self.workers
    }

    /// Connections for single statements of queries.
    pub(crate) fn readers(&self) -> &PgPool {
        &self.readers
    }

    /// Begins a transaction of whoever keeps the read models up to date. If a schema is given,
    /// plain table names mean its tables.
    pub(crate) async fn begin(
        &self,
        begin: Begin,
        schema: Option<&Schema>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        begin_on(&self.workers, begin, schema).await
    }

    /// Begins a transaction that takes as long as the tables are large.
    pub(crate) async fn begin_build(
        &self,
        begin: Begin,
        schema: Option<&Schema>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        begin_on(&self.builders, begin, schema).await
    }

    /// Begins a transaction of a query.
    pub(crate) async fn begin_query(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        begin_on(&self.readers, Begin::View, None).await
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

/// Begins a transaction, in one round trip.
async fn begin_on(
    pool: &PgPool,
    begin: Begin,
    schema: Option<&Schema>,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut statement = begin.statement().to_owned();
    if let Some(schema) = schema {
        statement += &format!(";\n{}", schema.use_it());
    }
    pool.begin_with(AssertSqlSafe(statement)).await
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
