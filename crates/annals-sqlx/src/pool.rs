//! Connections, and how they are used.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use annals_core::telemetry::{self, Stopwatch, is_on};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Postgres, SqlSafeStr, Transaction};

use crate::deadline::in_time;
use crate::options::ReadModelsOptions;
use crate::schema::Schema;

/// A connection that was idle for so long is tested before it is used again.
///
/// Under load no round trip is spent on it, and after a quiet time in which the server was started
/// again nobody gets to see an error.
const TEST_AFTER: Duration = Duration::from_secs(2);

/// A connection that is given back and does not answer for so long is closed.
const TEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that were opened before are not used again: they remember statements and types of
/// tables that there may be no more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outdated(Arc<Mutex<Option<Instant>>>);

impl Outdated {
    pub(crate) fn mark(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn contains(&self, opened_at: Option<Instant>) -> bool {
        let before = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before.is_some_and(|before| opened_at.is_none_or(|opened_at| opened_at <= before))
    }
}

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

/// A bounded number of connections for one kind of work.
#[derive(Debug)]
pub(crate) struct Pool {
    connections: PgPool,
    name: &'static str,
}

impl Pool {
    /// Connects when it is first needed.
    pub(crate) fn new(
        name: &'static str,
        connections_max: u32,
        options: &ReadModelsOptions,
        outdated: &Outdated,
    ) -> Arc<Self> {
        // What is told when a connection comes back must not keep the pool alive.
        Arc::new_cyclic(|pool: &Weak<Self>| {
            let (pool, outdated) = (pool.clone(), outdated.clone());
            let connections = PgPoolOptions::new()
                .max_connections(connections_max)
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
                .after_release(move |connection, _| {
                    let pool = pool.clone();
                    // It also ends what was left in the middle. A server that is silent would keep
                    // the place in the pool for as long.
                    Box::pin(async move {
                        let answered = in_time(TEST_TIMEOUT, connection.ping()).await;
                        if let Some(pool) = pool.upgrade() {
                            pool.tell(Moving::Back);
                        }
                        answered.map(|()| true)
                    })
                })
                .connect_lazy_with(options.connect.clone());
            Self { connections, name }
        })
    }

    /// A connection for single statements.
    pub(crate) async fn connection(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let asked = Stopwatch::start();
        let connection = self.connections.acquire().await?;
        self.named().lent(&asked);
        self.tell(Moving::Out);
        Ok(connection)
    }

    /// Begins a transaction, in one round trip. If a schema is given, plain table names mean its
    /// tables.
    pub(crate) async fn begin(
        &self,
        begin: Begin,
        schema: Option<&Schema>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut statement = begin.statement().to_owned();
        if let Some(schema) = schema {
            statement += &format!(";\n{}", schema.use_it());
        }
        // As `begin_with` of the pool does, which does not tell how long it waited.
        let connection = self.connection().await?;
        Transaction::begin(connection, Some(AssertSqlSafe(statement).into_sql_str())).await
    }

    /// Closes all connections, once what was begun on them has ended.
    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }

    /// Connections that are open.
    pub(crate) fn size(&self) -> u32 {
        self.connections.size()
    }

    fn named(&self) -> telemetry::Pool {
        telemetry::Pool { system: "postgresql", name: self.name }
    }

    /// Tells how many connections there are, one of which is on its way.
    fn tell(&self, moving: Moving) {
        if !is_on() {
            return;
        }
        let idle = self.connections.num_idle();
        let out = usize::try_from(self.connections.size()).unwrap_or(usize::MAX);
        let out = out.saturating_sub(idle);
        match moving {
            Moving::Out => self.named().counted(out, idle),
            // It is not counted as idle yet.
            Moving::Back => self.named().counted(out.saturating_sub(1), idle + 1),
        }
    }
}

/// The way of a connection.
#[derive(Debug, Clone, Copy)]
enum Moving {
    Out,
    Back,
}
