//! One batch: one transaction, one flush, a verdict for each append.

use std::sync::Arc;

use annals_core::telemetry::Stopwatch;
use annals_core::{
    AppendCondition, AppendError, Appended, Clock, CommandId, EventId, Position, Sequence, StreamId,
};
use quick_cache::unsync::Cache;
use rusqlite::{CachedStatement, Connection, ErrorCode, ffi};

use crate::changes::Changes;
use crate::checksum::Place;
use crate::fault::Fault;
use crate::log;
use crate::page;
use crate::row::Decoder;
use crate::submission::{Known, PreparedAppend, PreparedEvent, Verdict};
use crate::telemetry;

/// Streams whose last event the writer remembers, about 200 bytes each. For others it asks the
/// index.
const STREAMS_KEPT: usize = 65_536;

/// Writes batches. It is the only writer, so what it remembers of the log is exact.
#[derive(Debug)]
pub(crate) struct Batches {
    connection: Connection,
    state: State,
}

/// What the writer remembers.
#[derive(Debug)]
struct State {
    head: Position,
    /// Of the last event, in microseconds since 1970.
    timestamp: i64,
    streams: Cache<StreamId, (Sequence, EventId)>,
    changes: Arc<Changes>,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
}

/// Why a batch as a whole was not written.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// Nothing of it was written. The next batch may fare better.
    RolledBack(Fault),
    /// Nothing of it was written, and the transaction could not be ended.
    Stuck(rusqlite::Error),
    /// It may have been written or not.
    Unknown(rusqlite::Error),
}

impl Batches {
    pub(crate) fn new(connection: Connection, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let head = log::head(&connection)?;
        let state = State {
            head,
            timestamp: log::last_timestamp(&connection)?.unwrap_or(i64::MIN),
            streams: Cache::new(STREAMS_KEPT),
            changes: Arc::new(Changes::since(head)),
            decoder: Decoder::default(),
            clock,
        };
        Ok(Self { connection, state })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// The last position that is durable, outside of [`Batches::write`].
    pub(crate) fn head(&self) -> Position {
        self.state.head
    }

    /// Which streams have changed, for whoever does not write.
    pub(crate) fn changes(&self) -> Arc<Changes> {
        Arc::clone(&self.state.changes)
    }

    /// Writes the appends in their order, all in one transaction. The verdicts, refusals included,
    /// hold only now that it is durable: some were given on top of what their neighbours wrote.
    pub(crate) fn write<'a>(
        &mut self,
        appends: impl Iterator<Item = &'a PreparedAppend>,
    ) -> Result<Vec<Verdict>, BatchError> {
        let (head, timestamp) = (self.state.head, self.state.timestamp);
        let outcome = self.write_and_commit(appends);
        if outcome.is_err() {
            // The memory is ahead of the log.
            self.state.streams.clear();
            (self.state.head, self.state.timestamp) = (head, timestamp);
        }
        outcome
    }

    fn write_and_commit<'a>(
        &mut self,
        appends: impl Iterator<Item = &'a PreparedAppend>,
    ) -> Result<Vec<Verdict>, BatchError> {
        let begin = || -> rusqlite::Result<()> {
            self.connection.prepare_cached(include_str!("sql/begin_write.sql"))?.raw_execute()?;
            Ok(())
        };
        begin().map_err(|error| BatchError::RolledBack(error.into()))?;
        match Transaction::write(&self.connection, &mut self.state, appends) {
            Ok(verdicts) => self.commit().map(|()| verdicts),
            Err(fault) => Err(self.roll_back(fault)),
        }
    }

    /// The one flush of the batch.
    fn commit(&self) -> Result<(), BatchError> {
        let commit = || {
            self.connection.prepare_cached(include_str!("sql/commit.sql"))?.raw_execute()?;
            Ok(())
        };
        let watch = Stopwatch::start();
        let committed = commit();
        telemetry::flushed(&watch);
        committed.map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
            // A disk that is full refuses a write, never a flush (that would be an I/O error), and
            // the frame that makes a transaction valid is the last one written: it is not there.
            // A lock that is held is noticed before the first write.
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                self.roll_back(error.into())
            }
            // Anything else may have come after that frame.
            _ => BatchError::Unknown(error),
        })
    }

    fn roll_back(&self, fault: Fault) -> BatchError {
        if self.connection.is_autocommit() {
            // The failure has ended the transaction.
            return BatchError::RolledBack(fault);
        }
        let roll_back = || {
            self.connection.prepare_cached(include_str!("sql/rollback.sql"))?.raw_execute()?;
            Ok(())
        };
        match roll_back() {
            Ok(()) => BatchError::RolledBack(fault),
            Err(error) => BatchError::Stuck(error),
        }
    }
}

/// A batch while it is written.
struct Transaction<'c> {
    connection: &'c Connection,
    state: &'c mut State,
    event_insert: CachedStatement<'c>,
    event_tag_insert: CachedStatement<'c>,
    command_insert: CachedStatement<'c>,
}

impl<'c> Transaction<'c> {
    fn write<'a>(
        connection: &'c Connection,
        state: &'c mut State,
        appends: impl Iterator<Item = &'a PreparedAppend>,
    ) -> Result<Vec<Verdict>, Fault> {
        let mut transaction = Self {
            connection,
            state,
            event_insert: connection.prepare_cached(include_str!("sql/event_insert.sql"))?,
            event_tag_insert: connection
                .prepare_cached(include_str!("sql/event_tag_insert.sql"))?,
            command_insert: connection.prepare_cached(include_str!("sql/command_insert.sql"))?,
        };
        appends.map(|append| transaction.append(append)).collect()
    }

    /// Decides first and writes second, so a refused append leaves nothing to undo.
    fn append(&mut self, append: &PreparedAppend) -> Result<Verdict, Fault> {
        let refusal = self.check(&append.condition, append.known)?;
        if let Some(id) = append.command_id {
            let is_new = refusal.is_none() && self.enter_command(id, append.events.len())?;
            if !is_new && let Some(first) = log::find_command(self.connection, id)? {
                return Ok(Ok(first));
            }
        }
        if let Some(refusal) = refusal {
            return Ok(Err(refusal));
        }
        let first_position = self.state.head.plus(1);
        let timestamp = self.state.clock.now().timestamp_micros().max(self.state.timestamp);
        let mut sequences = Vec::with_capacity(append.events.len());
        for event in &append.events {
            sequences.push(self.insert(event, timestamp)?);
        }
        Ok(Ok(Appended { first_position, sequences, repeated: false }))
    }

    /// Why the append is refused, `None` if the condition holds.
    fn check(
        &mut self,
        condition: &AppendCondition,
        known: Option<Known>,
    ) -> Result<Option<AppendError>, Fault> {
        for (stream, expected) in condition.sequences() {
            let last = self.last(stream)?;
            let actual = last.map_or(Sequence::ZERO, |(sequence, _)| sequence);
            let event = condition.last_event(stream);
            let is_same = event.is_none() || event == last.map(|(_, id)| id);
            if actual != expected || !is_same {
                let stream = stream.clone();
                return Ok(Some(AppendError::Conflict { stream, expected, actual }));
            }
        }
        let Some(unless) = condition.unless() else { return Ok(None) };
        let after = match known {
            Some(Known::Match(at)) => return Ok(Some(AppendError::ConditionFailed { at })),
            Some(Known::NoneThrough(position)) => position.max(unless.after),
            None => unless.after,
        };
        if after >= self.state.head {
            return Ok(None);
        }
        let found = page::first_match(
            self.connection,
            &mut self.state.decoder,
            &unless.query,
            after,
            self.state.head,
        )?;
        Ok(found.map(|at| AppendError::ConditionFailed { at }))
    }

    /// The last event of a stream, what this batch wrote included.
    fn last(&mut self, stream: &StreamId) -> Result<Option<(Sequence, EventId)>, Fault> {
        if let Some(last) = self.state.streams.get(stream) {
            return Ok(Some(*last));
        }
        let last = log::stream_last(self.connection, stream)?;
        if let Some(last) = last {
            self.state.streams.insert(stream.clone(), last);
        }
        Ok(last)
    }

    /// Enters a command into the ledger; `false` if it is there already.
    fn enter_command(&mut self, id: CommandId, events: usize) -> Result<bool, Fault> {
        let first_position = self.state.head.plus(1).as_i64();
        let count = i64::try_from(events).unwrap_or(i64::MAX);
        let entered =
            self.command_insert.execute((&id.as_uuid().as_bytes()[..], first_position, count));
        match entered {
            Ok(_) => Ok(true),
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.extended_code == ffi::SQLITE_CONSTRAINT_TRIGGER =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn insert(&mut self, prepared: &PreparedEvent, timestamp: i64) -> Result<Sequence, Fault> {
        let PreparedEvent { event, tags, checksum } = prepared;
        let stream = event.stream();
        let position = self.state.head.plus(1);
        let sequence = self.last(stream)?.map_or(Sequence::ZERO, |(last, _)| last).plus(1);
        self.state.changes.note(stream, position);
        let place = Place { position: position.as_i64(), sequence: sequence.as_i64(), timestamp };
        self.event_insert.execute((
            place.position,
            stream.aggregate_type(),
            stream.aggregate_id(),
            place.sequence,
            event.event_type().as_str(),
            event.event_version(),
            &event.event_id().as_uuid().as_bytes()[..],
            event.payload().as_str(),
            event.metadata().as_str(),
            tags.as_deref(),
            timestamp,
            checksum.at(place),
        ))?;
        for tag in event.tags() {
            let entry = (tag.as_str(), place.position, event.event_type().as_str());
            self.event_tag_insert.execute(entry)?;
        }
        self.state.streams.insert(stream.clone(), (sequence, event.event_id()));
        (self.state.head, self.state.timestamp) = (position, timestamp);
        Ok(sequence)
    }
}
