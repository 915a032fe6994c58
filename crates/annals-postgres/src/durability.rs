//! Settings of the server under which "durable" would not be true.

use std::fmt;

/// A setting of the server that can lose what was acknowledged.
///
/// A store refuses to open where one is in force, unless it is accepted by name: in
/// [`PostgresOptions::accept_risk`](crate::PostgresOptions::accept_risk) or as `accept_risk=fsync`
/// in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DurabilityRisk {
    /// `fsync = off`: a crash of the machine loses or destroys data.
    Fsync,
    /// `full_page_writes = off`: a crash of the machine can tear pages apart.
    FullPageWrites,
    /// `synchronous_commit = off`: a crash of the server loses the latest commits. With
    /// synchronous standbys also `local`: a failover does.
    SynchronousCommit,
    /// `data_sync_retry = on`: a failed flush is repeated, which can succeed after the system has
    /// dropped the data.
    DataSyncRetry,
}

impl DurabilityRisk {
    pub(crate) const ALL: [Self; 4] =
        [Self::Fsync, Self::FullPageWrites, Self::SynchronousCommit, Self::DataSyncRetry];

    /// The risk of the setting with this name.
    pub(crate) fn named(setting: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|risk| risk.setting() == setting)
    }

    /// The name of the setting.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::FullPageWrites => "full_page_writes",
            Self::SynchronousCommit => "synchronous_commit",
            Self::DataSyncRetry => "data_sync_retry",
        }
    }
}

impl fmt::Display for DurabilityRisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.setting())
    }
}
