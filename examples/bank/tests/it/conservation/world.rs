//! Where the log is, and what can be done to it.

use crate::cluster::Cluster;
use crate::home::Home;
use crate::own_server;

/// A log, in a file or on a server of its own.
#[derive(Debug)]
pub(super) struct World {
    pub(super) home: Home,
    server: Option<Cluster>,
}

impl World {
    pub(super) fn on_sqlite() -> Self {
        Self { home: Home::new(), server: None }
    }

    /// Nothing where no server can be started: the test then says so and proves nothing.
    pub(super) fn on_postgres() -> Option<Self> {
        Some(Self { home: Home::new(), server: Some(own_server::start()?) })
    }

    pub(super) fn store(&self) -> String {
        self.server.as_ref().map_or_else(|| self.home.store(), Cluster::url)
    }

    /// As many services as may write to it at once.
    pub(super) fn services(&self) -> usize {
        if self.server.is_some() { 2 } else { 1 }
    }

    pub(super) fn server(&self) -> Option<&Cluster> {
        self.server.as_ref()
    }
}
