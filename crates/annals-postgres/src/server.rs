//! The server of a log: getting to it, and what must be true of it.

use std::collections::BTreeSet;

use crate::connect::{Purpose, connect};
use crate::durability::DurabilityRisk;
use crate::open_error::OpenError;
use crate::options::{PostgresOptions, Timeouts};
use crate::session::{Session, SessionError};
use crate::statement::Statement;
use crate::target::Target;

/// Oldest version that works.
const VERSION_MIN: i32 = 150_000;
/// First version that nobody has tried yet.
const VERSION_UNTRIED: i32 = 190_000;

/// Where the log is, and under which conditions it is used.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) primary: Target,
    pub(crate) replica: Option<Target>,
    pub(crate) timeouts: Timeouts,
    accepted_risks: BTreeSet<DurabilityRisk>,
}

/// What a server says about itself.
#[derive(Debug)]
struct Description {
    version: String,
    version_number: i32,
    encoding: String,
    /// The risks that are in force, with the values of their settings.
    risks: Vec<(DurabilityRisk, String)>,
}

impl Server {
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, OpenError> {
        let target = |parsed| {
            Target::new(parsed).map_err(|error| OpenError::Encryption { source: Box::new(error) })
        };
        Ok(Self {
            primary: target(&options.primary)?,
            replica: options.replica.as_ref().map(target).transpose()?,
            timeouts: options.timeouts,
            accepted_risks: options.accepted_risks.clone(),
        })
    }

    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<Session, SessionError> {
        let target = match (purpose, &self.replica) {
            (Purpose::Replica, Some(replica)) => replica,
            _ => &self.primary,
        };
        connect(target, &self.timeouts, purpose).await
    }

    /// Refuses a server that is too old or can lose what it acknowledges.
    pub(crate) async fn check(&self, session: &mut Session) -> Result<(), OpenError> {
        let description = Description::of(session).await.map_err(|source| OpenError::Refused {
            task: "say what it is",
            source: Box::new(source),
        })?;
        let version = description.check(&self.accepted_risks)?;
        tracing::info!(version, target = %self.primary, "connected to PostgreSQL");
        Ok(())
    }
}

impl Description {
    /// Gives the version of a server that can be used.
    fn check(self, accepted_risks: &BTreeSet<DurabilityRisk>) -> Result<String, OpenError> {
        let Self { version, version_number, encoding, risks } = self;
        if version_number < VERSION_MIN {
            return Err(OpenError::TooOld { found: version });
        }
        if version_number >= VERSION_UNTRIED {
            tracing::warn!(version, "nobody has tried this version of PostgreSQL yet");
        }
        if encoding != "UTF8" {
            return Err(OpenError::Encoding { found: encoding });
        }
        for (risk, value) in risks {
            if !accepted_risks.contains(&risk) {
                return Err(OpenError::Durability { risk, value });
            }
            tracing::warn!(setting = risk.setting(), value, "this can lose acknowledged events");
        }
        Ok(version)
    }

    async fn of(session: &mut Session) -> Result<Self, SessionError> {
        let row = session.query_one(Statement::Server, &[]).await?;
        let has_standbys: bool = row.try_get("has_standbys")?;
        let mut risks = Vec::new();
        for risk in DurabilityRisk::ALL {
            let value: String = row.try_get(risk.setting())?;
            let is_risky = match risk {
                DurabilityRisk::Fsync | DurabilityRisk::FullPageWrites => value == "off",
                DurabilityRisk::DataSyncRetry => value == "on",
                DurabilityRisk::SynchronousCommit => {
                    value == "off" || (value == "local" && has_standbys)
                }
            };
            if is_risky {
                risks.push((risk, value));
            }
        }
        Ok(Self {
            version: row.try_get("version")?,
            version_number: row.try_get("version_number")?,
            encoding: row.try_get("encoding")?,
            risks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(version: &str, version_number: i32) -> Description {
        let (version, encoding) = (version.to_owned(), "UTF8".to_owned());
        Description { version, version_number, encoding, risks: Vec::new() }
    }

    #[test]
    fn postgresql_14_is_refused_and_15_is_not() {
        let accepted = BTreeSet::new();
        let refused = described("14.20", 140_020).check(&accepted);
        assert!(matches!(&refused, Err(OpenError::TooOld { found }) if found == "14.20"));
        for (version, number) in [("15.0", 150_000), ("18.6", 180_006), ("19.0", 190_000)] {
            assert_eq!(described(version, number).check(&accepted).unwrap(), version);
        }
    }
}
