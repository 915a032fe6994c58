//! Waiting for the head row, not silently.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::options::Timeouts;
use crate::pool::Pool;
use crate::session::SessionError;
use crate::statement::Statement;

/// Time on top of the server's own limits that an answer may take before the connection is given
/// up: for the commit, which the server does not limit, because it may wait for standbys.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// Looks on while a batch is under way.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    pool: &'a Pool,
    timeouts: Timeouts,
    pid: i32,
    began: Instant,
    holder: Mutex<Option<String>>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(pool: &'a Pool, timeouts: Timeouts, pid: i32) -> Self {
        Self { pool, timeouts, pid, began: Instant::now(), holder: Mutex::default() }
    }

    /// Ends when the server should have answered long ago, with how long that is.
    ///
    /// Half-way through the wait for the lock it finds out who holds it, because afterwards nobody
    /// waits any more and the server cannot tell.
    pub(crate) async fn until_silent(&self) -> Duration {
        sleep_until(self.began + self.timeouts.lock / 2).await;
        match self.find_holder().await {
            Ok(Some(holder)) => {
                tracing::warn!(holder, "waiting for the head row");
                *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = Some(holder);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "cannot find out who holds the head row"),
        }
        let limit = self.timeouts.lock + self.timeouts.statement + ANSWER_MARGIN;
        sleep_until(self.began + limit).await;
        limit
    }

    async fn find_holder(&self) -> Result<Option<String>, SessionError> {
        let mut session = self.pool.lend().await?;
        let rows = session.query(Statement::BlockedBy, &[&self.pid]).await;
        session.settle(&rows);
        let mut holders = String::new();
        for row in rows? {
            let pid: i32 = row.try_get("pid")?;
            let name: Option<&str> = row.try_get("application_name")?;
            let state: Option<&str> = row.try_get("state")?;
            let address: Option<&str> = row.try_get("address")?;
            let seconds: Option<f64> = row.try_get("seconds")?;
            let comma = if holders.is_empty() { "" } else { "; " };
            let _ = write!(
                holders,
                "{comma}process {pid} ({} from {}, {}, its transaction is {:.0} s old)",
                name.filter(|name| !name.is_empty()).unwrap_or("without a name"),
                address.unwrap_or("the same machine"),
                state.unwrap_or("in a state we may not see"),
                seconds.unwrap_or_default(),
            );
        }
        Ok((!holders.is_empty()).then_some(holders))
    }

    /// How long the wait was, and who was waited for.
    pub(crate) fn report(&self) -> (f64, String) {
        let holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let holder = holder.unwrap_or_else(|| "nobody who could be found".to_owned());
        (self.began.elapsed().as_secs_f64(), holder)
    }
}
