//! Where the read models are.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use annals::postgres::UrlError;
use thiserror::Error;

use crate::store::{PostgresUrl, StoreUrl};

/// Where the read models are. Shown and logged without anybody's credentials.
#[derive(Debug, Clone)]
pub enum ReadModelsPlace {
    /// In files of this folder.
    Folder(PathBuf),
    /// In a database, in schemas of their own.
    Postgres(Box<PostgresUrl>),
    /// In a folder that is removed when the program ends.
    Temporary,
}

/// Text is no place for read models.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadModelsPlaceError {
    /// There is nothing.
    #[error("a folder or postgres://HOST/DATABASE is needed")]
    Empty,
    /// The address of a database is malformed.
    #[error(transparent)]
    Postgres(#[from] UrlError),
}

impl FromStr for ReadModelsPlace {
    type Err = ReadModelsPlaceError;

    fn from_str(text: &str) -> Result<Self, ReadModelsPlaceError> {
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                Ok(Self::Postgres(Box::new(PostgresUrl::new(text)?)))
            }
            _ if text.is_empty() => Err(ReadModelsPlaceError::Empty),
            _ => Ok(Self::Folder(text.into())),
        }
    }
}

impl ReadModelsPlace {
    /// Where the read models of a log are if nobody says otherwise: beside its file, in its
    /// database, or, for a log that is kept nowhere, in a temporary folder.
    #[must_use]
    pub fn beside(log: &StoreUrl) -> Self {
        match log {
            StoreUrl::Sqlite(path) => {
                let mut folder = path.clone().into_os_string();
                folder.push("-read");
                Self::Folder(folder.into())
            }
            StoreUrl::Postgres(url) => Self::Postgres(url.clone()),
            StoreUrl::Memory => Self::Temporary,
        }
    }
}

impl fmt::Display for ReadModelsPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(formatter, "folder {}", path.display()),
            Self::Postgres(url) => url.fmt(formatter),
            Self::Temporary => formatter.write_str("a temporary folder"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_models_are_beside_their_log() {
        for (log, place) in [
            ("sqlite:data/bank.db", "folder data/bank.db-read"),
            ("postgres://teller:secret@db/bank", "postgres://db/bank"),
            ("memory:", "a temporary folder"),
        ] {
            assert_eq!(ReadModelsPlace::beside(&log.parse().unwrap()).to_string(), place);
        }
    }

    #[test]
    fn a_place_is_a_folder_or_a_database() {
        let place = |text: &str| text.parse::<ReadModelsPlace>().map(|place| place.to_string());
        assert_eq!(place("/var/lib/bank"), Ok("folder /var/lib/bank".to_owned()));
        assert_eq!(place("postgres://u:p@db/bank"), Ok("postgres://db/bank".to_owned()));
        assert_eq!(place(""), Err(ReadModelsPlaceError::Empty));
        assert!(matches!(place("postgres://db:x/bank"), Err(ReadModelsPlaceError::Postgres(_))));
    }
}
