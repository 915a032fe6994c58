//! Where to connect to.

use std::fmt;

use tokio_postgres::Config;

use crate::tls::{Connector, SslMode, TlsError, TlsSettings};
use crate::url::{HostAddress, ParsedUrl};

/// A database and how to get to it, ready for use. Never shows the password.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) hosts: Vec<HostAddress>,
    pub(crate) ssl_mode: SslMode,
    pub(crate) connector: Connector,
}

impl Target {
    /// Reads the files the URL names.
    pub(crate) fn new(parsed: &ParsedUrl) -> Result<Self, TlsError> {
        Ok(Self {
            config: parsed.config.clone(),
            hosts: parsed.hosts.clone(),
            ssl_mode: parsed.tls.mode,
            connector: TlsSettings::connector(&parsed.tls)?,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, HostAddress { host, port }) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{host}:{port}")?;
        }
        write!(formatter, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}
