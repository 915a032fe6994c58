//! Read models, behind one face: the balance of each account, kept as each peer keeps such things.

use std::time::{Duration, Instant};

use ::annals::BoxFuture;
use anyhow::ensure;
use sqlx::PgPool;
use tokio::sync::oneshot;

use crate::PATIENCE;

/// A read model of the accounts in a log, and what keeps it up to date.
pub(crate) trait ReadModel: Send + Sync {
    /// Begins with nothing, and returns when the read model holds every event of the log.
    fn rebuild(&self) -> BoxFuture<'_, anyhow::Result<()>>;

    /// Keeps it up to date until the other end is dropped. What it does not hold yet comes first.
    fn keep(&self, end: oneshot::Receiver<()>) -> BoxFuture<'static, anyhow::Result<()>>;

    /// Executes a command that pays 100 into an account.
    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>>;

    /// What the read model shows.
    fn balances(&self) -> &Balances;
}

/// The table that each of them writes, unless its library has a form of its own.
pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS account_balance (id text PRIMARY KEY, balance bigint NOT NULL)";

pub(super) const CLEAR: &str = "TRUNCATE account_balance";

/// What one event changes.
pub(super) const PAY: &str = "
    INSERT INTO account_balance (id, balance) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET balance = account_balance.balance + excluded.balance";

/// What many events change, for those who let their users write many at once.
pub(super) const PAY_MANY: &str = "
    INSERT INTO account_balance (id, balance) SELECT * FROM unnest($1::text[], $2::bigint[])
    ON CONFLICT (id) DO UPDATE SET balance = account_balance.balance + excluded.balance";

/// The read model as somebody sees it who asks the database: the same question to all of them.
pub(crate) struct Balances {
    pool: PgPool,
}

/// Whoever waits asks again at once for so long, and then each millisecond.
const BUSY: Duration = Duration::from_millis(10);
const PAUSE: Duration = Duration::from_millis(1);

impl Balances {
    pub(super) async fn open(url: &str) -> anyhow::Result<Self> {
        let options = sqlx::postgres::PgPoolOptions::new().test_before_acquire(false);
        Ok(Self { pool: options.max_connections(4).connect(url).await? })
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn total(&self) -> anyhow::Result<i64> {
        let total = "SELECT coalesce(sum(balance), 0)::bigint FROM account_balance";
        Ok(sqlx::query_scalar(total).fetch_one(&self.pool).await?)
    }

    /// Returns once it shows so much.
    pub(crate) async fn shows(&self, id: &str, balance: i64) -> anyhow::Result<()> {
        let question = "SELECT balance FROM account_balance WHERE id = $1";
        let start = Instant::now();
        loop {
            let asked = sqlx::query_scalar::<_, i64>(question).bind(id);
            let shown = asked.fetch_optional(&self.pool).await?.unwrap_or_default();
            if shown >= balance {
                return Ok(());
            }
            let time = start.elapsed();
            ensure!(time < PATIENCE, "{id} shows {shown} instead of {balance}, after {time:?}");
            if time > BUSY {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
