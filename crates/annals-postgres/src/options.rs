//! How to open a log.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::durability::DurabilityRisk;
use crate::url::{ParsedUrl, parse};
use crate::url_error::UrlError;

/// Where a log is, and how to work with it.
///
/// The options have defaults that suit a server in the same data centre.
#[derive(Clone)]
pub struct PostgresOptions {
    pub(crate) primary: ParsedUrl,
    pub(crate) replica: Option<ParsedUrl>,
    pub(crate) timeouts: Timeouts,
    pub(crate) readers_max: usize,
    pub(crate) accepted_risks: BTreeSet<DurabilityRisk>,
    pub(crate) schema: SchemaAtOpen,
    pub(crate) has_doorbell: bool,
}

/// What to do at opening where the schema is missing or older than this version needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaAtOpen {
    /// Apply the missing migrations. Needs the rights of an owner if there are any.
    #[default]
    Migrate,
    /// Refuse to open. For applications that run with the rights of an application only.
    Require,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) lock: Duration,
    pub(crate) statement: Duration,
    pub(crate) idle_in_transaction: Duration,
    pub(crate) unavailable_after: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            // A handshake takes milliseconds; a host that is gone answers never.
            connect: Duration::from_secs(5),
            // The head row is held for a batch, milliseconds. Five seconds are a stuck holder.
            lock: Duration::from_secs(5),
            // The largest batch and the largest page take less than a second on a busy disk.
            statement: Duration::from_secs(30),
            // A process that is paused between two statements must not stop all others for long.
            idle_in_transaction: Duration::from_secs(5),
            // A restart of a server takes a few seconds, a failover around ten.
            unavailable_after: Duration::from_secs(15),
        }
    }
}

impl PostgresOptions {
    /// Takes a URL: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE&...`.
    ///
    /// Understood as libpq does, except that nothing is taken from the environment and the home
    /// directory. `sslmode` is `disable`, `allow`, `prefer` (the default), `require`, `verify-ca`
    /// or `verify-full`; the last two need `sslrootcert`, the path of a file or `system`. Several
    /// hosts are tried in their order, and the first that accepts writes is used, so after a
    /// failover the log is found again.
    ///
    /// # Errors
    ///
    /// [`UrlError`], naming the part that is wrong and never repeating the URL.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        let primary = parse(url)?;
        Ok(Self {
            accepted_risks: primary.risks.iter().copied().collect(),
            primary,
            replica: None,
            timeouts: Timeouts::default(),
            readers_max: READERS_MAX_DEFAULT,
            schema: SchemaAtOpen::default(),
            has_doorbell: true,
        })
    }

    /// Reads pages from a replica, where it is at least as new as what this handle has already
    /// seen; from the primary otherwise.
    ///
    /// # Errors
    ///
    /// As [`PostgresOptions::from_url`].
    pub fn replica(mut self, url: &str) -> Result<Self, UrlError> {
        self.replica = Some(parse(url)?);
        Ok(self)
    }

    /// The name sessions show in `pg_stat_activity`, `annals` by default.
    #[must_use]
    pub fn application_name(mut self, name: &str) -> Self {
        self.primary.config.application_name(name);
        if let Some(replica) = &mut self.replica {
            replica.config.application_name(name);
        }
        self
    }

    /// Most connections that read at the same time, 4 by default. Further readers queue up.
    #[must_use]
    pub fn readers_max(mut self, connections: usize) -> Self {
        self.readers_max = connections.max(1);
        self
    }

    /// How long to wait for the head row, 5 seconds by default. A batch holds it for
    /// milliseconds; who holds it longer is named in the error.
    #[must_use]
    pub fn lock_timeout(mut self, wait: Duration) -> Self {
        self.timeouts.lock = wait;
        self
    }

    /// The longest time one statement may take, 30 seconds by default. Should be longer than the
    /// wait for the head row, which is part of a statement.
    #[must_use]
    pub fn statement_timeout(mut self, wait: Duration) -> Self {
        self.timeouts.statement = wait;
        self
    }

    /// After what time the server ends a transaction whose process has stopped in the middle of
    /// it, 5 seconds by default.
    #[must_use]
    pub fn idle_in_transaction_timeout(mut self, wait: Duration) -> Self {
        self.timeouts.idle_in_transaction = wait;
        self
    }

    /// How long to try to connect to one host, 5 seconds by default. A `connect_timeout` in the
    /// URL comes first.
    #[must_use]
    pub fn connect_timeout(mut self, wait: Duration) -> Self {
        self.timeouts.connect = wait;
        self
    }

    /// How long appends wait for a server that cannot be reached before they are answered
    /// `Unavailable`, 15 seconds by default.
    #[must_use]
    pub fn unavailable_after(mut self, wait: Duration) -> Self {
        self.timeouts.unavailable_after = wait;
        self
    }

    /// Opens the log although this setting of the server can lose what was acknowledged.
    #[must_use]
    pub fn accept_risk(mut self, risk: DurabilityRisk) -> Self {
        self.accepted_risks.insert(risk);
        self
    }

    /// What to do where the schema is missing or older.
    #[must_use]
    pub fn schema_at_open(mut self, schema: SchemaAtOpen) -> Self {
        self.schema = schema;
        self
    }

    /// Does not wake readers in other processes, which then notice news by polling.
    #[must_use]
    pub fn without_doorbell(mut self) -> Self {
        self.has_doorbell = false;
        self
    }
}

/// Reading connections of a handle that does not say.
///
/// Enough to keep two cores of a server busy while another connection writes.
const READERS_MAX_DEFAULT: usize = 4;

impl fmt::Debug for PostgresOptions {
    /// Everything but the password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresOptions")
            .field("hosts", &self.primary.hosts)
            .field("database", &self.primary.config.get_dbname())
            .field("user", &self.primary.config.get_user())
            .field("tls", &self.primary.tls)
            .field("replica", &self.replica.as_ref().map(|replica| &replica.hosts))
            .field("timeouts", &self.timeouts)
            .field("readers_max", &self.readers_max)
            .field("accepted_risks", &self.accepted_risks)
            .field("schema", &self.schema)
            .field("has_doorbell", &self.has_doorbell)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_never_show_the_password() {
        let options = PostgresOptions::from_url("postgres://u:hunter2@h/d?password=hunter2")
            .unwrap()
            .replica("postgres://u:hunter2@r/d")
            .unwrap();
        let shown = format!("{options:?} {options:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("\"h\""), "{shown}");
    }
}
