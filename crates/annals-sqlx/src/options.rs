//! How to open read models.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::open_error::OpenError;

/// Where read models are, and how to work with them.
#[derive(Clone)]
pub struct ReadModelsOptions {
    pub(crate) connect: PgConnectOptions,
    pub(crate) connections_max: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) operation_timeout: Duration,
    pub(crate) schema: SchemaAtOpen,
}

/// What to do at opening where the bookkeeping is missing or older than this version needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaAtOpen {
    /// Apply the missing migrations.
    #[default]
    Migrate,
    /// Refuse to open.
    Require,
}

/// Connections of a process that does not say, whatever the number of its projections.
///
/// Four keep the read models up to date, three of them by writing batches; three answer queries;
/// one builds and compares.
const CONNECTIONS_MAX_DEFAULT: u32 = 8;

/// How long to wait for a connection, if none is said.
///
/// Longer than a server takes to be started again, so that a restart costs a wait and no error.
const ACQUIRE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// How long to wait for an operation to end, if nothing is said.
///
/// The largest batch takes seconds on a busy disk. What takes longer waits for a server that is
/// gone.
const OPERATION_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

impl ReadModelsOptions {
    /// Takes a URL: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE&...`, as `sqlx`
    /// reads it. The log may be in the same database.
    ///
    /// The role needs the right to create schemas in the database: each generation has its own.
    ///
    /// # Errors
    ///
    /// [`OpenError::Url`]; [`OpenError::SeveralHosts`].
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        refuse_several_hosts(url)?;
        let connect =
            PgConnectOptions::from_str(url).map_err(|source| OpenError::Url { source })?;
        let connect = match connect.get_application_name() {
            Some(_) => connect,
            None => connect.application_name("annals read models"),
        };
        Ok(Self::new(connect))
    }

    /// Takes options of `sqlx`, for what a URL cannot say. Statements are not logged.
    #[must_use]
    pub fn new(connect: PgConnectOptions) -> Self {
        Self {
            connect: connect.disable_statement_logging(),
            connections_max: CONNECTIONS_MAX_DEFAULT,
            acquire_timeout: ACQUIRE_TIMEOUT_DEFAULT,
            operation_timeout: OPERATION_TIMEOUT_DEFAULT,
            schema: SchemaAtOpen::default(),
        }
    }

    /// Most connections at the same time, 8 by default and at least 4, whatever the number of
    /// projections. One of them is for what takes as long as the tables are large: creating,
    /// finishing, comparing and retiring generations, one after the other. Of the others, half,
    /// rounded down, are for queries alone, so that no number of queries stops what keeps the read
    /// models up to date, nor the other way round.
    #[must_use]
    pub fn connections_max(mut self, connections: u32) -> Self {
        self.connections_max = connections.max(4);
        self
    }

    /// How long to wait for a free connection, 10 seconds by default.
    #[must_use]
    pub fn acquire_timeout(mut self, wait: Duration) -> Self {
        self.acquire_timeout = wait;
        self
    }

    /// How long one operation may take, 60 seconds by default, before its connection is given up
    /// and it counts as unavailable. Only what depends on the size of the tables is not bounded:
    /// creating, finishing, comparing and retiring a generation; and what is asked on a
    /// [`ReadTransaction`](crate::ReadTransaction).
    #[must_use]
    pub fn operation_timeout(mut self, wait: Duration) -> Self {
        self.operation_timeout = wait;
        self
    }

    /// What to do where the bookkeeping is missing or older.
    #[must_use]
    pub fn schema_at_open(mut self, schema: SchemaAtOpen) -> Self {
        self.schema = schema;
        self
    }

    /// The server and the database, for errors.
    pub(crate) fn target(&self) -> String {
        let connect = &self.connect;
        let database = connect.get_database().unwrap_or(connect.get_username());
        match connect.get_socket() {
            Some(socket) => format!("{}, database {database}", socket.display()),
            None => format!("{}:{}, database {database}", connect.get_host(), connect.get_port()),
        }
    }
}

/// The driver would take a list for the name of one host, which nobody has.
fn refuse_several_hosts(url: &str) -> Result<(), OpenError> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = rest.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let by_parameter = parameters.split('&').filter_map(|parameter| {
        parameter.strip_prefix("host=").or_else(|| parameter.strip_prefix("hostaddr="))
    });
    let is_list = |host: &str| host.contains(',') || host.to_ascii_lowercase().contains("%2c");
    let mut named = by_parameter.chain([hosts]);
    if named.any(is_list) { Err(OpenError::SeveralHosts) } else { Ok(()) }
}

impl fmt::Debug for ReadModelsOptions {
    /// Everything but the password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReadModelsOptions")
            .field("target", &self.target())
            .field("user", &self.connect.get_username())
            .field("connections_max", &self.connections_max)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("operation_timeout", &self.operation_timeout)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_never_show_the_password() {
        let options = ReadModelsOptions::from_url("postgres://u:hunter2@h:1/d").unwrap();
        let shown = format!("{options:?} {options:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("h:1, database d"), "{shown}");
    }

    /// The list was taken for a name, and the error was that nobody has it.
    #[test]
    fn several_hosts_are_refused() {
        for url in [
            "postgres://u:p@one,two/d",
            "postgres://one:5432,two:5433/d",
            "postgres://u:p@one/d?sslmode=disable&host=one,two",
            "postgres:///d?host=one%2Ctwo",
        ] {
            let refused = ReadModelsOptions::from_url(url);
            assert!(matches!(refused, Err(OpenError::SeveralHosts)), "{url}: {refused:?}");
        }
        ReadModelsOptions::from_url("postgres://u,v:p,q@one/d,e?application_name=a,b").unwrap();
    }

    #[test]
    fn an_error_in_a_url_does_not_repeat_it() {
        let error = ReadModelsOptions::from_url("postgres://u:hunter2@h:port/d").unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert!(!format!("{error} {error:?} {source}").contains("hunter2"), "{error:?}");
    }
}
