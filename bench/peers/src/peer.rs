//! What is measured, behind one face.

mod annals;
mod cqrs_es;
mod disintegrate;
mod esrs;
mod mire;
mod naive;
mod read_model;
#[cfg(feature = "umadb")]
mod umadb;

use std::sync::Arc;

use ::annals::BoxFuture;
use anyhow::bail;

use crate::Arguments;
use crate::domain::Event;

pub(crate) use self::read_model::ReadModel;
#[cfg(feature = "umadb")]
pub(crate) use self::umadb::Server as UmaDbServer;

/// An event store with accounts in it, each a stream of events.
///
/// Every call checks what it expects of the stream, and is answered when what it wrote is durable.
pub(crate) trait Peer: Send + Sync {
    /// Executes the command that opens an account. `false` if it exists, or if another call has
    /// opened it meanwhile.
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>>;

    /// Executes a command that leads to one event; again after each conflict.
    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>>;

    /// Writes `count` deposits to a stream that has `after` events, in one step. With `after` 0,
    /// the stream must not exist; else there is nobody to race with.
    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>>;

    /// Has the account in memory, where accounts are kept there.
    fn warm(&self, _id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Replays an account with nothing in memory, and returns the balance.
    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>>;

    /// As [`Peer::load`], from a snapshot, where that is measured.
    fn load_from_snapshot(&self, _id: String) -> Option<BoxFuture<'_, anyhow::Result<i64>>> {
        None
    }

    /// Reads every event as the input of a projection, and decodes it; returns how many there are.
    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>>;

    /// How many events there are.
    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>>;
}

/// Who is measured: the columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// With the states of accounts kept in memory, as an application does.
    AnnalsCached,
    /// Loading each account for each command, as if another process had changed it.
    AnnalsLoading,
    Naive,
    CqrsEs,
    Esrs,
    Disintegrate,
    Mire,
    #[cfg(feature = "umadb")]
    UmaDb,
}

/// All of them, ours first.
pub(crate) const NAMES: &[Name] = &[
    Name::AnnalsCached,
    Name::AnnalsLoading,
    Name::Naive,
    Name::CqrsEs,
    Name::Esrs,
    Name::Disintegrate,
    Name::Mire,
    #[cfg(feature = "umadb")]
    Name::UmaDb,
];

/// Sizes of a peer's pool of connections: the usual default, and one for many clients.
pub(crate) const POOLS: [u32; 2] = [10, 50];

impl Name {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::AnnalsCached => "annals, cached",
            Self::AnnalsLoading => "annals, loading",
            Self::Naive => "naive",
            Self::CqrsEs => "cqrs-es",
            Self::Esrs => "esrs",
            Self::Disintegrate => "disintegrate",
            Self::Mire => "mire",
            #[cfg(feature = "umadb")]
            Self::UmaDb => "umadb",
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::AnnalsCached | Self::AnnalsLoading)
    }

    /// Whether it is a server of its own, so that it competes with nobody here.
    pub(crate) fn is_server(self) -> bool {
        !self.is_ours()
            && !matches!(
                self,
                Self::Naive | Self::CqrsEs | Self::Esrs | Self::Disintegrate | Self::Mire
            )
    }

    /// Whether it is to be measured.
    pub(crate) fn is_wanted(self, arguments: &Arguments) -> bool {
        self.is_ours() || self.text().contains(&arguments.subject)
    }

    /// The database it works in.
    pub(crate) fn database(self) -> &'static str {
        match self {
            Self::AnnalsCached => "annals_bench_cached",
            Self::AnnalsLoading => "annals_bench_loading",
            Self::Naive => "annals_bench_naive",
            Self::CqrsEs => "annals_bench_cqrs_es",
            Self::Esrs => "annals_bench_esrs",
            Self::Disintegrate => "annals_bench_disintegrate",
            Self::Mire => "annals_bench_mire",
            #[cfg(feature = "umadb")]
            Self::UmaDb => "",
        }
    }

    /// Opens it in an empty database.
    pub(crate) async fn open(self, url: &str) -> anyhow::Result<Vec<(u32, Arc<dyn Peer>)>> {
        let mut opened = Vec::new();
        match self {
            Self::AnnalsCached => opened.push((0, annals::cached(url).await?)),
            Self::AnnalsLoading => opened.push((0, annals::loading(url).await?)),
            _ => {
                for pool in POOLS {
                    opened.push((pool, self.open_pool(url, pool).await?));
                }
            }
        }
        Ok(opened)
    }

    /// The database where it has a read model, if it has something that keeps one. Ours does the
    /// same whether states of accounts are kept in memory or not.
    pub(crate) fn read_model_database(self) -> Option<&'static str> {
        match self {
            Self::AnnalsCached => Some("annals_bench_read"),
            Self::CqrsEs => Some("annals_bench_read_cqrs_es"),
            Self::Esrs => Some("annals_bench_read_esrs"),
            Self::Disintegrate => Some("annals_bench_read_disintegrate"),
            Self::Mire => Some("annals_bench_read_mire"),
            _ => None,
        }
    }

    /// Opens it in an empty database, with a read model beside the events.
    pub(crate) async fn open_read_model(
        self,
        url: &str,
    ) -> anyhow::Result<(Arc<dyn Peer>, Arc<dyn ReadModel>)> {
        let [pool, _] = POOLS;
        let peer = match self {
            Self::AnnalsCached => annals::loading(url).await?,
            _ => self.open_pool(url, pool).await?,
        };
        let model: Arc<dyn ReadModel> = match self {
            Self::AnnalsCached => Arc::new(annals::read_model::Kept::open(url).await?),
            Self::CqrsEs => Arc::new(cqrs_es::read_model::Kept::open(url, pool).await?),
            Self::Esrs => Arc::new(esrs::read_model::Kept::open(url, pool).await?),
            Self::Disintegrate => Arc::new(disintegrate::read_model::Kept::open(url, pool).await?),
            Self::Mire => Arc::new(mire::read_model::Kept::open(url, pool).await?),
            _ => bail!("{} has nothing that keeps a read model", self.text()),
        };
        Ok((peer, model))
    }

    async fn open_pool(self, url: &str, pool: u32) -> anyhow::Result<Arc<dyn Peer>> {
        Ok(match self {
            Self::AnnalsCached | Self::AnnalsLoading => unreachable!("ours has no pool to choose"),
            Self::Naive => Arc::new(naive::Naive::open(url, pool).await?),
            Self::CqrsEs => Arc::new(cqrs_es::CqrsEs::open(url, pool).await?),
            Self::Esrs => Arc::new(esrs::Esrs::open(url, pool).await?),
            Self::Disintegrate => Arc::new(disintegrate::Disintegrate::open(url, pool).await?),
            Self::Mire => Arc::new(mire::Mire::open(url, pool).await?),
            #[cfg(feature = "umadb")]
            Self::UmaDb => Arc::new(umadb::UmaDb::open(url, pool).await?),
        })
    }
}

/// A pool as each peer's documentation makes it: with that library's defaults, the check before
/// each use included.
async fn pool(url: &str, size: u32) -> anyhow::Result<sqlx::PgPool> {
    Ok(sqlx::postgres::PgPoolOptions::new().max_connections(size).connect(url).await?)
}

/// The event of a stream that has `before` events.
fn event(before: u64) -> Event {
    if before == 0 {
        Event::AccountOpened { owner_name: "Ada Lovelace".to_owned(), initial_balance: 0 }
    } else {
        Event::deposit()
    }
}

/// How many rows a table has.
async fn count(pool: &sqlx::PgPool, statement: &str) -> anyhow::Result<u64> {
    let count: i64 = sqlx::query_scalar(statement).fetch_one(pool).await?;
    Ok(count.try_into()?)
}

/// Whether the database says that another was faster.
fn is_lost_race(error: &sqlx::Error) -> bool {
    const UNIQUE_VIOLATION: &str = "23505";
    const SERIALIZATION_FAILURE: &str = "40001";
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some(UNIQUE_VIOLATION | SERIALIZATION_FAILURE))
}
