//! What could not be processed.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    ApplyError, BlockedStream, BoxFuture, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, DeadLetters, Drain, EventType, GenerationKey, Lease, NewDeadLetter,
    Partition, Position, QueuedEvent, ReadModelsError, StreamId,
};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use super::fault::Fault;
use super::readers::Reader;
use super::{SqliteReadModels, catalog, row};

impl DeadLetters for SqliteReadModels {
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>> {
        let (lease, now) = (lease.clone(), row::micros(self.clock.now()));
        Box::pin(async move {
            let key = lease.generation.clone();
            let park = move |file: &mut Connection| {
                let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
                refuse_fenced(&transaction, &lease, now)?;
                let id = park(&transaction, lease.partition, &letter, now)?;
                transaction.commit()?;
                Ok(id)
            };
            Ok(self.write(&key, park).await?)
        })
    }

    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<Vec<BlockedStream>, ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            let list = move |reader: &Reader| {
                reader.read(&key, |_, file| Ok(blocked_streams(file, partitions)?))
            };
            Ok(self.lookups.run(list).await?)
        })
    }

    fn queued_events(
        &self,
        letter: DeadLetterId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Position>, ReadModelsError>> {
        let list = move |reader: &Reader| {
            with_letter(reader, letter, |found, file| match found.discarded_at {
                Some(_) => Err(no_letter(letter)),
                None => Ok(queued_events(file, letter, limit)?),
            })
        };
        Box::pin(async move { Ok(self.lookups.run(list).await?) })
    }

    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>, ReadModelsError>> {
        let list = move |reader: &Reader| page(reader, &query);
        Box::pin(async move { Ok(self.lookups.run(list).await?) })
    }

    fn dead_letter(
        &self,
        letter: DeadLetterId,
    ) -> BoxFuture<'_, Result<DeadLetter, ReadModelsError>> {
        let find = move |reader: &Reader| with_letter(reader, letter, |found, _| Ok(found));
        Box::pin(async move { Ok(self.lookups.run(find).await?) })
    }

    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(async move {
            let key = self.dead_letter(letter).await?.generation;
            let ask = move |file: &mut Connection| {
                let sql = include_str!("../sql/read_models/letter_request.sql");
                let asked =
                    file.execute(sql, (letter.as_uuid().as_bytes(), row::json(&request)))?;
                if asked == 1 { Ok(()) } else { Err(no_letter(letter)) }
            };
            Ok(self.write(&key, ask).await?)
        })
    }
}

fn no_letter(letter: DeadLetterId) -> Fault {
    Fault::not_found(format!("stream that stands still for the dead letter {letter}"))
}

fn refuse_fenced(file: &Connection, lease: &Lease, now: i64) -> Result<(), Fault> {
    let columns = (
        lease.partition.get(),
        row::counted(lease.fencing_token),
        lease.worker.as_uuid().as_bytes(),
        now,
    );
    let sql = include_str!("../sql/read_models/lease_holds.sql");
    if file.prepare_cached(sql)?.exists(columns)? { Ok(()) } else { Err(Fault::Fenced) }
}

fn park(
    file: &Connection,
    partition: Partition,
    letter: &NewDeadLetter,
    now: i64,
) -> Result<DeadLetterId, Fault> {
    let stream = (letter.stream.aggregate_type(), letter.stream.aggregate_id());
    let sql = include_str!("../sql/read_models/letter_of_stream.sql");
    let known = file.query_row(sql, stream, |row| row::uuid(row, 0)).optional()?;
    if let Some(id) = known {
        file.execute(
            include_str!("../sql/read_models/letter_again.sql"),
            (
                id.as_bytes(),
                letter.position.as_i64(),
                letter.event_type.as_str(),
                &letter.error,
                letter.attempts,
                now,
            ),
        )?;
        // It may have been queued until now.
        take_off(file, DeadLetterId::from_uuid(id), letter.position)?;
        return Ok(DeadLetterId::from_uuid(id));
    }
    insert(file, partition, letter, now, None)
}

fn insert(
    file: &Connection,
    partition: Partition,
    letter: &NewDeadLetter,
    now: i64,
    request: Option<&DeadLetterRequest>,
) -> Result<DeadLetterId, Fault> {
    let id = DeadLetterId::new();
    file.execute(
        include_str!("../sql/read_models/letter_insert.sql"),
        (
            id.as_uuid().as_bytes(),
            partition.get(),
            letter.stream.aggregate_type(),
            letter.stream.aggregate_id(),
            letter.position.as_i64(),
            letter.event_type.as_str(),
            &letter.error,
            letter.attempts,
            now,
            request.map(row::json),
        ),
    )?;
    Ok(id)
}

/// Queues events behind dead letters. A letter that blocks nothing any more, or is about a later
/// event, is news to the worker: it must look again.
pub(super) fn queue(file: &Connection, events: &[QueuedEvent]) -> Result<(), Fault> {
    let mut queue = file.prepare_cached(include_str!("../sql/read_models/queue_insert.sql"))?;
    for event in events {
        let letter = event.letter.as_uuid().as_bytes();
        let columns = (letter, event.position.as_i64(), event.event_type.as_str());
        if queue.execute(columns)? != 1 {
            return Err(Fault::Fenced);
        }
    }
    Ok(())
}

/// Takes events off the queue of a stream that stands still; their changes are written beside this.
pub(super) fn drain(file: &Connection, drain: &Drain, now: i64) -> Result<(), Fault> {
    // Not as the worker thinks: it must look again.
    let letter = find(file, &drain.lease.generation, drain.letter)?
        .filter(|letter| letter.discarded_at.is_none())
        .filter(|letter| letter.partition == drain.lease.partition)
        .ok_or(Fault::Fenced)?;
    if drain.through != letter.position && !is_queued(file, drain)? {
        return Err(Fault::Fenced);
    }
    take_off(file, letter.id, drain.through)?;
    let next = next_queued(file, letter.id)?;
    let id = letter.id.as_uuid().as_bytes();
    if drain.is_discard {
        return discard(file, &letter, next, now);
    }
    match next {
        Some((position, event_type)) => {
            let sql = include_str!("../sql/read_models/letter_move.sql");
            let columns = (id, position.as_i64(), event_type.as_str(), DeadLetter::NOT_TRIED);
            file.execute(sql, columns)?;
            take_off(file, letter.id, position)
        }
        None => {
            file.execute(include_str!("../sql/read_models/letter_delete.sql"), [id])?;
            Ok(())
        }
    }
}

/// Keeps the letter to tell of it. A new one stands for what is queued behind it.
fn discard(
    file: &Connection,
    letter: &DeadLetter,
    next: Option<(Position, EventType)>,
    now: i64,
) -> Result<(), Fault> {
    let Some(DeadLetterRequest::Discard { by, .. }) = &letter.request else {
        return Err(Fault::Fenced);
    };
    let id = letter.id.as_uuid().as_bytes();
    file.execute(include_str!("../sql/read_models/letter_discard.sql"), (id, now))?;
    let Some((position, event_type)) = next else { return Ok(()) };
    let new = NewDeadLetter {
        stream: letter.stream.clone(),
        position,
        event_type,
        error: DeadLetter::NOT_TRIED.to_owned(),
        attempts: 0,
    };
    let request = DeadLetterRequest::Retry { by: by.clone() };
    let heir = insert(file, letter.partition, &new, now, Some(&request))?;
    let sql = include_str!("../sql/read_models/queue_pass_on.sql");
    file.execute(sql, (id, heir.as_uuid().as_bytes()))?;
    take_off(file, heir, position)
}

fn is_queued(file: &Connection, drain: &Drain) -> rusqlite::Result<bool> {
    let columns = (drain.letter.as_uuid().as_bytes(), drain.through.as_i64());
    file.prepare_cached(include_str!("../sql/read_models/queue_has.sql"))?.exists(columns)
}

fn take_off(file: &Connection, letter: DeadLetterId, through: Position) -> Result<(), Fault> {
    let columns = (letter.as_uuid().as_bytes(), through.as_i64());
    file.execute(include_str!("../sql/read_models/queue_take_off.sql"), columns)?;
    Ok(())
}

fn next_queued(
    file: &Connection,
    letter: DeadLetterId,
) -> rusqlite::Result<Option<(Position, EventType)>> {
    file.prepare_cached(include_str!("../sql/read_models/queue_next.sql"))?
        .query_row([letter.as_uuid().as_bytes()], |row| {
            Ok((row::position(row, 0)?, row::checked(row, 1, EventType::new)?))
        })
        .optional()
}

fn queued_events(
    file: &Connection,
    letter: DeadLetterId,
    limit: usize,
) -> rusqlite::Result<Vec<Position>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    file.prepare_cached(include_str!("../sql/read_models/queue_list.sql"))?
        .query_map((letter.as_uuid().as_bytes(), limit), |row| row::position(row, 0))?
        .collect()
}

fn blocked_streams(
    file: &Connection,
    mut partitions: Vec<Partition>,
) -> rusqlite::Result<Vec<BlockedStream>> {
    partitions.sort_unstable();
    partitions.dedup();
    let mut list = file.prepare_cached(include_str!("../sql/read_models/blocked_streams.sql"))?;
    let mut blocked = Vec::new();
    for partition in partitions {
        let streams = list.query_map([partition.get()], |row| {
            Ok(BlockedStream {
                stream: stream(row, 0)?,
                letter: DeadLetterId::from_uuid(row::uuid(row, 2)?),
                position: row::position(row, 3)?,
                request: row::json_if_any(row, 4)?,
            })
        })?;
        for stream in streams {
            blocked.push(stream?);
        }
    }
    Ok(blocked)
}

/// A page over all generations: each gives as many as could be in it.
fn page(reader: &Reader, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, Fault> {
    let limit = query.limit.min(LIST_ITEMS_MAX);
    let after = query.after.map_or([0; 16], |after| after.as_uuid().into_bytes());
    let sql = match query.is_discarded {
        true => include_str!("../sql/read_models/letter_page_discarded.sql"),
        false => include_str!("../sql/read_models/letter_page_blocking.sql"),
    };
    let is_wanted = |key: &GenerationKey| {
        query.projection.as_ref().is_none_or(|projection| *projection == key.projection)
    };
    let mut letters = Vec::new();
    for key in catalog::keys(reader.catalog())?.into_iter().filter(is_wanted) {
        let found = reader.read(&key, |_, file| {
            let count = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut list = file.prepare_cached(sql)?;
            let found = list.query_map((after, count), |row| letter(row, &key))?;
            Ok(found.collect::<rusqlite::Result<Vec<_>>>()?)
        });
        match found {
            // Retired since the catalog was read.
            Err(Fault::Told(ReadModelsError::NotFound { .. })) => {}
            found => letters.extend(found?),
        }
    }
    letters.sort_unstable_by_key(|letter| letter.id);
    letters.truncate(limit);
    Ok(letters)
}

/// Does `work` where the letter is.
fn with_letter<T>(
    reader: &Reader,
    letter: DeadLetterId,
    work: impl Fn(DeadLetter, &Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut missing = Fault::not_found(format!("dead letter {letter}"));
    for key in catalog::keys(reader.catalog())? {
        let found = reader.read(&key, |_, file| match find(file, &key, letter)? {
            Some(found) => work(found, file).map(Some),
            None => Ok(None),
        });
        match found {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => {}
            // It may be in a file that cannot be read; or in the next one.
            Err(fault) => missing = fault,
        }
    }
    Err(missing)
}

fn find(
    file: &Connection,
    key: &GenerationKey,
    id: DeadLetterId,
) -> rusqlite::Result<Option<DeadLetter>> {
    file.prepare_cached(include_str!("../sql/read_models/letter_find.sql"))?
        .query_row([id.as_uuid().as_bytes()], |row| letter(row, key))
        .optional()
}

fn letter(row: &Row<'_>, generation: &GenerationKey) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: DeadLetterId::from_uuid(row::uuid(row, 0)?),
        generation: generation.clone(),
        partition: Partition::new(row.get(1)?),
        stream: stream(row, 2)?,
        position: row::position(row, 4)?,
        event_type: row::checked(row, 5, EventType::new)?,
        error: row.get(6)?,
        attempts: row.get(7)?,
        since: row::time(row, 8)?,
        last_attempt_at: row::time(row, 9)?,
        request: row::json_if_any(row, 10)?,
        discarded_at: row::time_if_any(row, 11)?,
        queued: row::count(row, 12)?,
    })
}

/// The stream in two columns: aggregate type and aggregate id.
fn stream(row: &Row<'_>, column: usize) -> rusqlite::Result<StreamId> {
    let aggregate_type: String = row.get(column)?;
    row::checked(row, column + 1, |aggregate_id| StreamId::new(aggregate_type, aggregate_id))
}
