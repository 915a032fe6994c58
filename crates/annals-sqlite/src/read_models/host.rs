//! The tables of a projection.

use std::sync::Arc;

use annals_core::limits::PARTITIONS_MAX;
use annals_core::{
    Advance, ApplyError, BoxError, BoxFuture, Drain, Generation, GenerationKey, GenerationState,
    Hosts, Lease, NewGeneration, Projection, ReadModelsError,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::fault::Fault;
use super::folder::{self, Folder};
use super::{SqliteReadModels, catalog, dead_letters, generation_file, row};

/// Events in one batch from which on it counts as catching up: then throughput matters, and nobody
/// waits for a single event to become visible. A live runner at thousands of events a second has
/// batches of tens.
const CATCHING_UP_EVENTS_MIN: u64 = 5_000;

/// How the changes of a projection become rows of SQLite: SQL and nothing else.
///
/// Each generation has a file of its own, so table names need no prefix; those that begin with
/// `annals_` are ours. Everything runs inside a transaction, which the projection neither begins
/// nor ends; a savepoint is fine.
///
/// Tables need a primary key, so that two generations can be compared row by row.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use annals_core::{BoxError, DomainEvent, EventEnvelope, EventKind};
/// # use annals_core::{LimitError, Projection, Tag};
/// # enum Event {}
/// # impl DomainEvent for Event {
/// #     fn kinds() -> Vec<&'static EventKind> { Vec::new() }
/// #     fn find_kind(_: &str) -> Option<&'static EventKind> { None }
/// #     fn kind(&self) -> &'static EventKind { match *self {} }
/// #     fn tags(&self) -> Result<Vec<Tag>, LimitError> { match *self {} }
/// #     fn write_payload(&self) -> Result<String, serde_json::Error> { match *self {} }
/// #     fn read_payload(_: &'static EventKind, _: &str) -> Result<Self, serde_json::Error> {
/// #         unreachable!("there are no kinds")
/// #     }
/// # }
/// # struct Balances;
/// # impl Projection for Balances {
/// #     const NAME: &'static str = "balances";
/// #     const VERSION: u32 = 1;
/// #     type Event = Event;
/// #     type Changes = BTreeMap<String, i64>;
/// #     fn project(
/// #         &self, _: EventEnvelope<Event>, _: &mut Self::Changes,
/// #     ) -> Result<(), BoxError> {
/// #         Ok(())
/// #     }
/// # }
/// use annals_sqlite::SqliteProjection;
/// use annals_sqlite::rusqlite::Connection;
///
/// impl SqliteProjection for Balances {
///     fn create(&self, tables: &Connection) -> Result<(), BoxError> {
///         tables.execute_batch(
///             "CREATE TABLE balance (account TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT",
///         )?;
///         Ok(())
///     }
///
///     fn write(&self, tables: &Connection, changes: &Self::Changes) -> Result<(), BoxError> {
///         let mut add = tables.prepare_cached(
///             "INSERT INTO balance (account, cents) VALUES (?1, ?2)
///              ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents",
///         )?;
///         for (account, cents) in changes {
///             add.execute((account, cents))?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait SqliteProjection: Projection {
    /// Makes the tables, once for each generation.
    ///
    /// # Errors
    ///
    /// The generation is not made then.
    fn create(&self, tables: &Connection) -> Result<(), BoxError>;

    /// Writes changes. The checkpoint moves in the same transaction.
    ///
    /// # Errors
    ///
    /// Nothing is written then. An error of SQLite, or one caused by it, that says that it cannot
    /// write now (a full disk, say) has the same changes written again later; any other error has
    /// the event parked that it comes from.
    fn write(&self, tables: &Connection, changes: &Self::Changes) -> Result<(), BoxError>;

    /// Makes what queries need and building does not, such as indexes: making them once is faster
    /// than keeping them while the tables are filled. May be asked again, so `IF NOT EXISTS`.
    ///
    /// # Errors
    ///
    /// The generation does not serve then, and it is asked again.
    fn finish(&self, tables: &Connection) -> Result<(), BoxError> {
        let _ = tables;
        Ok(())
    }
}

impl<P: SqliteProjection> Hosts<P> for SqliteReadModels {
    fn create(
        &self,
        projection: Arc<P>,
        new: NewGeneration,
    ) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        let (folder, now) = (Arc::clone(&self.folder), self.clock.now());
        let generation = move |number| Generation {
            key: GenerationKey { projection: P::NAME.to_owned(), number },
            version: P::VERSION,
            partitions: P::PARTITIONS.max(1),
            log_id: new.log_id,
            state: GenerationState::Building,
            created_at: now,
            comparison: None,
        };
        Box::pin(async move {
            refuse_impossible::<P>()?;
            let create = move |catalog: &mut Connection| {
                catalog::change(catalog, |catalog| {
                    let make = |tables: &Connection| projection.create(tables);
                    create(catalog, &folder, P::NAME, generation, make)
                })
            };
            Ok(self.catalog.run(create).await?)
        })
    }

    fn apply(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        Box::pin(async move {
            let Some(lease) = advance.leases.first() else { return Ok(()) };
            let (key, now) = (lease.generation.clone(), row::micros(self.clock.now()));
            let apply = move |file: &mut Connection| {
                plan_copying(file, advance.applied.iter().sum())?;
                let transaction = begin(file)?;
                // The leases first: whoever has none need not write.
                move_on(&transaction, &advance, now)?;
                dead_letters::queue(&transaction, &advance.queued)?;
                write(&transaction, &*projection, &changes)?;
                Ok(transaction.commit()?)
            };
            Ok(self.write(&key, apply).await?)
        })
    }

    fn drain(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        Box::pin(async move {
            let (key, now) = (drain.lease.generation.clone(), row::micros(self.clock.now()));
            let apply = move |file: &mut Connection| {
                let transaction = begin(file)?;
                count_drained(&transaction, &drain, now)?;
                dead_letters::drain(&transaction, &drain, now)?;
                write(&transaction, &*projection, &changes)?;
                Ok(transaction.commit()?)
            };
            Ok(self.write(&key, apply).await?)
        })
    }

    fn finish(
        &self,
        projection: Arc<P>,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            let finish = move |file: &mut Connection| {
                let transaction = begin(file)?;
                projection.finish(&transaction).map_err(Fault::of_projection)?;
                refuse_ended(&transaction)?;
                Ok(transaction.commit()?)
            };
            Ok(self.write(&key, finish).await?)
        })
    }
}

fn refuse_impossible<P: Projection>() -> Result<(), Fault> {
    if !folder::is_name(P::NAME) {
        return Err(Fault::refused(format!("{:?} is no name of a projection", P::NAME)));
    }
    if P::PARTITIONS > PARTITIONS_MAX {
        return Err(Fault::refused(format!(
            "{} has {} partitions, at most {PARTITIONS_MAX} are allowed",
            P::NAME,
            P::PARTITIONS
        )));
    }
    Ok(())
}

/// Makes the file, then enters it: what is in the catalog is there, whole.
fn create(
    catalog: &Connection,
    folder: &Folder,
    projection: &str,
    generation: impl FnOnce(u32) -> Generation,
    make: impl FnOnce(&Connection) -> Result<(), BoxError>,
) -> Result<Generation, Fault> {
    if let Some(unfinished) = catalog::unfinished(catalog, projection)? {
        return Err(Fault::refused(format!(
            "{unfinished} is not finished: switch to it or retire it before another is begun"
        )));
    }
    let generation = generation(catalog::next_number(catalog, projection)?);
    generation_file::create(&folder.generation(&generation.key), &generation, make)?;
    catalog::insert(catalog, &generation)?;
    Ok(generation)
}

/// Says when the write-ahead log is copied into the file, which the commit that makes it too long
/// waits for.
fn plan_copying(file: &Connection, events: u64) -> rusqlite::Result<()> {
    file.execute_batch(match events {
        CATCHING_UP_EVENTS_MIN.. => include_str!("../sql/read_models/checkpoint_seldom.sql"),
        _ => include_str!("../sql/read_models/checkpoint_often.sql"),
    })
}

fn begin(file: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    file.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn move_on(file: &Connection, advance: &Advance, now: i64) -> Result<(), Fault> {
    let mut move_on =
        file.prepare_cached(include_str!("../sql/read_models/partition_advance.sql"))?;
    let applied = advance.applied.iter().copied().chain(std::iter::repeat(0));
    for (lease, applied) in advance.leases.iter().zip(applied) {
        let moved = move_on.execute((
            lease.partition.get(),
            row::counted(lease.fencing_token),
            lease.worker.as_uuid().as_bytes(),
            lease.checkpoint.position.as_i64(),
            row::event_id(&lease.checkpoint),
            advance.to.position.as_i64(),
            row::event_id(&advance.to),
            row::counted(applied),
            now,
        ))?;
        if moved != 1 {
            return Err(Fault::Fenced);
        }
    }
    match advance.leases.first() {
        Some(lease) => Ok(count_on(file, lease, now)?),
        None => Ok(()),
    }
}

fn count_drained(file: &Connection, drain: &Drain, now: i64) -> Result<(), Fault> {
    let lease = &drain.lease;
    let counted = file
        .prepare_cached(include_str!("../sql/read_models/partition_drained.sql"))?
        .execute((
            lease.partition.get(),
            row::counted(lease.fencing_token),
            lease.worker.as_uuid().as_bytes(),
            row::counted(drain.applied),
            now,
        ))?;
    if counted != 1 {
        return Err(Fault::Fenced);
    }
    Ok(count_on(file, lease, now)?)
}

/// A worker that writes was heard of.
fn count_on(file: &Connection, lease: &Lease, now: i64) -> rusqlite::Result<()> {
    file.prepare_cached(include_str!("../sql/read_models/worker_writes.sql"))?
        .execute((lease.worker.as_uuid().as_bytes(), now))?;
    Ok(())
}

fn write<P: SqliteProjection>(
    file: &Connection,
    projection: &P,
    changes: &P::Changes,
) -> Result<(), Fault> {
    projection.write(file, changes).map_err(Fault::of_projection)?;
    refuse_ended(file)
}

/// Rows without their checkpoint would be written again.
fn refuse_ended(file: &Connection) -> Result<(), Fault> {
    if file.is_autocommit() {
        let reason = "the projection has ended the transaction that is not its own";
        return Err(Fault::Rejected(reason.into()));
    }
    Ok(())
}
