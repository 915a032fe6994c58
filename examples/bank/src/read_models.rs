//! The read models of the bank, in either read database, and the sagas that run beside them.

mod attendance;
mod operations;
mod place;
mod sagas;

use std::sync::Arc;

use annals::sqlite::SqliteReadModels;
use annals::sqlx::{PostgresReadModels, ReadModelsOptions};
use annals::{
    App, BoxError, DocumentProjection, DocumentReader, Documents, Hosts, Projection,
    ProjectionStopped, Projections, Saga, SagaIndex, SagaInputs, Sagas, Visibility,
};
use tempfile::TempDir;
use thiserror::Error;

use crate::account_statement::AccountStatement;
use crate::account_summary::AccountSummary;
use crate::services::BankServices;
use crate::store::Access;
use crate::transfer_saga::TransferSaga;

pub use self::attendance::{CatchUpError, PATIENCE};
pub use self::place::{ReadModelsPlace, ReadModelsPlaceError};

/// The names of the projections that queries are answered from.
pub const QUERIED: [&str; 2] =
    [<AccountSummary as Projection>::NAME, <AccountStatement as Documents>::NAME];

/// The names of all projections: those, the list of sagas, and what the transfers' saga takes.
pub const PROJECTIONS: [&str; 4] =
    [QUERIED[0], QUERIED[1], <SagaIndex as Documents>::NAME, <TransferSaga as Saga>::TYPE];

/// The read models of the bank, and its sagas. Cloning shares them.
#[derive(Debug, Clone)]
pub struct ReadModels {
    database: Arc<Database>,
    access: Access,
    /// Removed with the last clone, after the files in it are closed.
    _temporary: Option<Arc<TempDir>>,
}

/// Which read database it is. Behind this, only SQL differs.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(Kept<SqliteReadModels>),
    Postgres(Kept<PostgresReadModels>),
}

/// What is kept in a read database.
#[derive(Debug)]
pub(crate) struct Kept<D> {
    /// All projections: to ask, to wait, to rebuild.
    pub(crate) projections: Projections<D>,
    /// Those that need nothing but to read the log, to run where it cannot be written to.
    reading: Projections<D>,
    /// All projections with the sagas, to run where the log can be written to.
    pub(crate) sagas: Sagas<BankServices, D>,
}

/// Does the same with the projections in either read database.
macro_rules! on_either {
    ($read_models:expr, $projections:ident => $work:expr) => {
        $crate::read_models::on_kept!($read_models, kept => {
            let $projections = &kept.projections;
            $work
        })
    };
}
pub(crate) use on_either;

/// Does the same with whatever is kept in either read database.
macro_rules! on_kept {
    ($read_models:expr, $kept:ident => $work:expr) => {
        match $read_models.database() {
            $crate::read_models::Database::Sqlite($kept) => $work,
            $crate::read_models::Database::Postgres($kept) => $work,
        }
    };
}
pub(crate) use on_kept;

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
    /// Opens the read models of the log of `app`, making what is missing.
    ///
    /// `access` is that to the log: sagas run only where it can be written to.
    ///
    /// # Errors
    ///
    /// [`OpenReadModelsError`], whose source says what is wrong.
    pub async fn open(
        place: &ReadModelsPlace,
        app: &App<BankServices>,
        access: Access,
    ) -> Result<Self, OpenReadModelsError> {
        let opened = match place {
            ReadModelsPlace::Folder(folder) => {
                let options = SqliteReadModels::options();
                // Only one process at a time has the log so. Whoever had it before has ended.
                let options = if access == Access::Write { options.taking_over() } else { options };
                options
                    .open(folder)
                    .map(|models| (Database::Sqlite(Kept::new(app, models)), None))
                    .map_err(BoxError::from)
            }
            ReadModelsPlace::Temporary => open_temporary(app),
            ReadModelsPlace::Postgres(url) => match ReadModelsOptions::from_url(url.secret()) {
                Ok(options) => PostgresReadModels::open(options)
                    .await
                    .map(|models| (Database::Postgres(Kept::new(app, models)), None))
                    .map_err(BoxError::from),
                Err(error) => Err(error.into()),
            },
        };
        match opened {
            Ok((database, temporary)) => {
                Ok(Self { database: Arc::new(database), access, _temporary: temporary })
            }
            Err(source) => Err(OpenReadModelsError { place: place.clone(), source }),
        }
    }

    /// For waiting until a read model is new enough.
    #[must_use]
    pub fn visibility(&self) -> &Visibility {
        on_either!(self, projections => projections.visibility())
    }

    /// Builds read models, keeps them up to date and runs sagas until `shutdown` is ready; what was
    /// begun is finished first. Where the log cannot be written to, sagas are left to others.
    ///
    /// # Errors
    ///
    /// [`ProjectionStopped`], at the end, if one could not go on; the others did.
    pub async fn run(
        &self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ProjectionStopped> {
        on_kept!(self, kept => match self.access {
            Access::Write => kept.sagas.clone().run(shutdown).await,
            Access::Read => kept.reading.clone().run(shutdown).await,
        })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

impl<D> Kept<D>
where
    D: annals::ReadModels
        + DocumentReader
        + Hosts<AccountSummary>
        + Hosts<DocumentProjection<AccountStatement>>
        + Hosts<DocumentProjection<SagaIndex>>
        + Hosts<DocumentProjection<SagaInputs<TransferSaga>>>,
{
    /// What the bank builds from its log.
    fn new(app: &App<BankServices>, models: D) -> Self {
        let queried = Projections::new(app.store().clone(), Arc::new(models))
            .with(AccountSummary)
            .with(DocumentProjection(AccountStatement));
        let sagas = Sagas::new(app.clone(), queried.clone()).with::<TransferSaga>();
        let reading = queried.with(DocumentProjection(SagaIndex));
        Self { projections: sagas.projections(), reading, sagas }
    }
}

type Opened = (Database, Option<Arc<TempDir>>);

fn open_temporary(app: &App<BankServices>) -> Result<Opened, BoxError> {
    let folder = tempfile::Builder::new().prefix("bank-read-").tempdir()?;
    let models = SqliteReadModels::open(folder.path())?;
    Ok((Database::Sqlite(Kept::new(app, models)), Some(Arc::new(folder))))
}
