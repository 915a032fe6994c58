//! The read models of the bank, in either read database.

mod attendance;
mod grant;
mod operations;
mod place;

use std::sync::Arc;

use annals::sqlite::SqliteReadModels;
use annals::sqlx::{PostgresReadModels, ReadModelsOptions};
use annals::{
    BoxError, DocumentProjection, Documents, EventStore, Hosts, Projection, ProjectionStopped,
    Projections, Visibility,
};
use tempfile::TempDir;
use thiserror::Error;

use crate::account_statement::AccountStatement;
use crate::account_summary::AccountSummary;

pub use self::attendance::{CatchUpError, PATIENCE};
pub use self::grant::{GrantError, grant};
pub use self::place::{ReadModelsPlace, ReadModelsPlaceError};

/// The names of all projections of the bank.
pub const PROJECTIONS: [&str; 2] =
    [<AccountSummary as Projection>::NAME, <AccountStatement as Documents>::NAME];

/// The read models of the bank. Cloning shares them.
#[derive(Debug, Clone)]
pub struct ReadModels {
    database: Database,
    /// Removed with the last clone, after the files in it are closed.
    _temporary: Option<Arc<TempDir>>,
}

/// Which read database it is. Behind this, only SQL differs.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(Projections<SqliteReadModels>),
    Postgres(Projections<PostgresReadModels>),
}

/// Does the same with either read database.
macro_rules! on_either {
    ($read_models:expr, $projections:ident => $work:expr) => {
        match $read_models.database() {
            $crate::read_models::Database::Sqlite($projections) => $work,
            $crate::read_models::Database::Postgres($projections) => $work,
        }
    };
}
pub(crate) use on_either;

/// The read models cannot be opened.
#[derive(Debug, Error)]
#[error("cannot open the read models in {place}")]
pub struct OpenReadModelsError {
    /// Where they are.
    place: ReadModelsPlace,
    /// What is wrong there.
    source: BoxError,
}

impl ReadModels {
    /// Opens the read models of the log `store`, making what is missing.
    ///
    /// # Errors
    ///
    /// [`OpenReadModelsError`], whose source says what is wrong.
    pub async fn open(
        place: &ReadModelsPlace,
        store: Arc<dyn EventStore>,
    ) -> Result<Self, OpenReadModelsError> {
        let opened = match place {
            ReadModelsPlace::Folder(folder) => SqliteReadModels::open(folder)
                .map(|models| (Database::Sqlite(projections(store, models)), None))
                .map_err(BoxError::from),
            ReadModelsPlace::Temporary => open_temporary(store),
            ReadModelsPlace::Postgres(url) => match ReadModelsOptions::from_url(url.secret()) {
                Ok(options) => PostgresReadModels::open(options)
                    .await
                    .map(|models| (Database::Postgres(projections(store, models)), None))
                    .map_err(BoxError::from),
                Err(error) => Err(error.into()),
            },
        };
        match opened {
            Ok((database, temporary)) => Ok(Self { database, _temporary: temporary }),
            Err(source) => Err(OpenReadModelsError { place: place.clone(), source }),
        }
    }

    /// For waiting until a read model is new enough.
    #[must_use]
    pub fn visibility(&self) -> &Visibility {
        on_either!(self, projections => projections.visibility())
    }

    /// Builds read models and keeps them up to date until `shutdown` is ready; what was begun is
    /// finished first.
    ///
    /// # Errors
    ///
    /// [`ProjectionStopped`], at the end, if one could not go on; the others did.
    pub async fn run(
        &self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ProjectionStopped> {
        on_either!(self, projections => projections.clone().run(shutdown).await)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

/// What the bank builds from its log.
fn projections<D>(store: Arc<dyn EventStore>, models: D) -> Projections<D>
where
    D: annals::ReadModels + Hosts<AccountSummary> + Hosts<DocumentProjection<AccountStatement>>,
{
    Projections::new(store, Arc::new(models))
        .with(AccountSummary)
        .with(DocumentProjection(AccountStatement))
}

type Opened = (Database, Option<Arc<TempDir>>);

fn open_temporary(store: Arc<dyn EventStore>) -> Result<Opened, BoxError> {
    let folder = tempfile::Builder::new().prefix("bank-read-").tempdir()?;
    let models = SqliteReadModels::open(folder.path())?;
    Ok((Database::Sqlite(projections(store, models)), Some(Arc::new(folder))))
}
