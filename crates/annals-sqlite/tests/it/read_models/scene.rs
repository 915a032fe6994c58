//! A folder of read models with a projection in SQL, and a clock that stands still.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    Advance, ApplyError, BoxError, Checkpoint, Claim, DomainEvent, EventEnvelope, EventId,
    EventKind, EventType, Generation, GenerationKey, Generations, Hosts, IfBehind, Lease, Leases,
    LimitError, LogId, NewDeadLetter, NewGeneration, Position, Projection, ReadModelsError,
    StreamId, Tag, WorkerId, WorkerReport,
};
use annals_sqlite::rusqlite::Connection;
use annals_sqlite::{SqliteProjection, SqliteReadModels};
use annals_testing::ManualClock;
use chrono::TimeDelta;
use serde::Serialize;
use tempfile::TempDir;

pub(crate) const TTL: Duration = Duration::from_secs(10);

/// Money that went to an account.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    pub(crate) cents: i64,
}

static ADDED: EventKind =
    EventKind { name: "added", version: 1, aliases: &[], upcasters: &[], variant: 0 };

impl DomainEvent for Added {
    fn kinds() -> Vec<&'static EventKind> {
        vec![&ADDED]
    }

    fn find_kind(event_type: &str) -> Option<&'static EventKind> {
        (event_type == ADDED.name).then_some(&ADDED)
    }

    fn kind(&self) -> &'static EventKind {
        &ADDED
    }

    fn tags(&self) -> Result<Vec<Tag>, LimitError> {
        Ok(Vec::new())
    }

    fn write_payload(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.cents)
    }

    fn read_payload(_: &'static EventKind, payload: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(payload).map(|cents| Self { cents })
    }
}

/// What is to be written, and how it is to go wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    pub(crate) cents: BTreeMap<String, i64>,
    pub(crate) trouble: Trouble,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// The code of the projection says no after it has written.
    Error,
    Panic,
    /// A statement that is wrong.
    Statement,
    Commit,
    Rollback,
}

/// The balance of each account; no balance is negative.
#[derive(Debug, Default)]
pub(crate) struct Balances;

impl Projection for Balances {
    const NAME: &'static str = "balances";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 4;
    type Event = Added;
    type Changes = Sums;

    fn project(&self, event: EventEnvelope<Added>, changes: &mut Sums) -> Result<(), BoxError> {
        let account = event.stream.aggregate_id().to_owned();
        *changes.cents.entry(account).or_default() += event.event.cents;
        Ok(())
    }
}

impl SqliteProjection for Balances {
    fn create(&self, tables: &Connection) -> Result<(), BoxError> {
        tables.execute_batch(
            "CREATE TABLE balance (
                account TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0)
            ) STRICT, WITHOUT ROWID",
        )?;
        Ok(())
    }

    fn write(&self, tables: &Connection, changes: &Sums) -> Result<(), BoxError> {
        let mut add = tables.prepare_cached(
            "INSERT INTO balance (account, cents) VALUES (?1, ?2)
            ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents",
        )?;
        for (account, cents) in &changes.cents {
            add.execute((account, cents))?;
        }
        match changes.trouble {
            Trouble::None => Ok(()),
            Trouble::Error => Err("the projection says no".into()),
            Trouble::Panic => panic!("the projection has a fault"),
            Trouble::Statement => Ok(tables.execute_batch("INSERT INTO nowhere VALUES (1)")?),
            Trouble::Commit => Ok(tables.execute_batch("COMMIT")?),
            Trouble::Rollback => Ok(tables.execute_batch("ROLLBACK")?),
        }
    }

    fn finish(&self, tables: &Connection) -> Result<(), BoxError> {
        let sql = "CREATE INDEX IF NOT EXISTS balance_cents ON balance (cents)";
        Ok(tables.execute_batch(sql)?)
    }
}

/// The folder, and a handle on it.
pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) models: SqliteReadModels,
    folder: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let folder = TempDir::new().unwrap();
        let models = SqliteReadModels::options().clock(clock.clone());
        let models = models.open(folder.path().join("read")).unwrap();
        Self { clock, models, folder }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("read")
    }

    pub(crate) fn file(&self, key: &GenerationKey) -> PathBuf {
        self.folder().join(format!("{}-{}.db", key.projection, key.number))
    }

    /// A handle as another process would have.
    pub(crate) fn open_again(&self) -> SqliteReadModels {
        SqliteReadModels::options().clock(self.clock.clone()).open(self.folder()).unwrap()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(TimeDelta::from_std(time).unwrap());
    }

    pub(crate) async fn create(&self) -> Generation {
        let new = NewGeneration { log_id: LogId::from_uuid(uuid::Uuid::nil()) };
        self.models.create(Arc::new(Balances), new).await.unwrap()
    }

    /// A new generation that serves, and the leases on all of it.
    pub(crate) async fn serving(&self) -> Vec<Lease> {
        let generation = self.create().await;
        self.models.switch(&generation.key, IfBehind::Refuse).await.unwrap();
        self.claim(&generation.key, WorkerId::new()).await
    }

    pub(crate) async fn claim(&self, generation: &GenerationKey, worker: WorkerId) -> Vec<Lease> {
        self.try_claim(generation, worker).await.unwrap()
    }

    pub(crate) async fn try_claim(
        &self,
        generation: &GenerationKey,
        worker: WorkerId,
    ) -> Result<Vec<Lease>, ReadModelsError> {
        let (generation, report) = (generation.clone(), WorkerReport::default());
        self.models.claim(Claim { generation, worker, ttl: TTL, report }).await
    }

    /// Applies, and moves `leases` on if that went well.
    pub(crate) async fn apply(
        &self,
        leases: &mut [Lease],
        sums: Sums,
        to: Checkpoint,
    ) -> Result<(), ApplyError> {
        let advance = advance(leases, to);
        self.models.apply(Arc::new(Balances), Arc::new(sums), advance).await?;
        for lease in leases {
            lease.checkpoint = to;
        }
        Ok(())
    }

    /// What queries see: the rows, and how far they are.
    pub(crate) async fn seen(&self) -> (BTreeMap<String, i64>, u64) {
        let seen = self.models.read(Balances::NAME, |tables| Ok(balances(tables)?)).await.unwrap();
        (seen.value, seen.position.get())
    }
}

pub(crate) fn balances(
    tables: &Connection,
) -> annals_sqlite::rusqlite::Result<BTreeMap<String, i64>> {
    tables
        .prepare_cached("SELECT account, cents FROM balance")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(crate) fn advance(leases: &[Lease], to: Checkpoint) -> Advance {
    let applied = vec![1; leases.len()];
    Advance { leases: leases.to_vec(), to, applied, queued: Vec::new() }
}

/// The checkpoint at a position, with an event id that belongs to it.
pub(crate) fn at(position: u64) -> Checkpoint {
    let event_id = EventId::from_uuid(uuid::Uuid::from_u128(u128::from(position)));
    Checkpoint { position: Position::new(position).unwrap(), event_id: Some(event_id) }
}

pub(crate) fn sums(cents: &[(&str, i64)]) -> Sums {
    let cents = cents.iter().map(|(account, cents)| ((*account).to_owned(), *cents)).collect();
    Sums { cents, trouble: Trouble::None }
}

pub(crate) fn troubled(trouble: Trouble) -> Sums {
    Sums { trouble, ..sums(&[("ann", 1)]) }
}

pub(crate) fn new_letter(account: &str, position: u64) -> NewDeadLetter {
    NewDeadLetter {
        stream: StreamId::new("account", account).unwrap(),
        position: Position::new(position).unwrap(),
        event_type: EventType::new("added").unwrap(),
        error: "too much".to_owned(),
        attempts: 3,
    }
}
