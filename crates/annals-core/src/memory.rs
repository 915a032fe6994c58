//! The executable specification of a store: everything in memory, nothing clever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use event_listener::Event;

use crate::append::{Append, AppendCondition, AppendError, Appended};
use crate::clock::{Clock, SystemClock};
use crate::event::{NewEvent, RecordedEvent};
use crate::id::{CommandId, LogId};
use crate::limits::PAGE_BYTES_MAX;
use crate::position::{Position, Sequence};
use crate::read::{Page, Read, ReadError, Selection};
use crate::snapshot::{Snapshot, SnapshotError, SnapshotStore};
use crate::store::{BoxFuture, EventStore};
use crate::stream::StreamId;

/// A store in memory, with every guarantee that memory can give: it lasts as long as the value.
///
/// For tests, for the first minutes with the framework, and as the specification that other stores
/// are compared with. An append is one step under one lock, which makes G1 and G3 to G7 evident.
#[derive(Debug)]
pub struct MemoryStore {
    log: Mutex<Log>,
    snapshots: Mutex<HashMap<(StreamId, u32), Snapshot>>,
    news: Event,
    clock: Arc<dyn Clock>,
    log_id: LogId,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<RecordedEvent>,
    /// The index in `events` of each event of a stream.
    streams: HashMap<StreamId, Vec<usize>>,
    commands: HashMap<CommandId, Appended>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty log that takes its timestamps from the machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty log that takes its timestamps from `clock`.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            log: Mutex::default(),
            snapshots: Mutex::default(),
            news: Event::new(),
            clock,
            log_id: LogId::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no code panics while it holds the log")
    }

    fn append_now(&self, append: Append) -> Result<Appended, AppendError> {
        let now = self.clock.now();
        let appended = self.lock().append(append, now)?;
        self.news.notify(usize::MAX);
        Ok(appended)
    }
}

impl Log {
    fn head(&self) -> Position {
        self.events.last().map_or(Position::ZERO, |event| event.position)
    }

    fn sequence(&self, stream: &StreamId) -> Sequence {
        Sequence::ZERO.plus(self.streams.get(stream).map_or(0, Vec::len) as u64)
    }

    fn last_event(&self, stream: &StreamId) -> Option<&RecordedEvent> {
        let last = *self.streams.get(stream)?.last()?;
        self.events.get(last)
    }

    fn append(&mut self, append: Append, now: DateTime<Utc>) -> Result<Appended, AppendError> {
        let (events, condition, command_id) = append.into_parts();
        if let Some(first) = command_id.and_then(|id| self.commands.get(&id)) {
            return Ok(Appended { repeated: true, ..first.clone() });
        }
        self.check(&condition)?;
        let first_position = self.head().plus(1);
        let timestamp = self.next_timestamp(now);
        let sequences = events.into_iter().map(|event| self.push(event, timestamp)).collect();
        let appended = Appended { first_position, sequences, repeated: false };
        if let Some(id) = command_id {
            self.commands.insert(id, appended.clone());
        }
        Ok(appended)
    }

    fn check(&self, condition: &AppendCondition) -> Result<(), AppendError> {
        for (stream, expected) in condition.sequences() {
            let actual = self.sequence(stream);
            let last_event = condition.last_event(stream);
            let is_same = last_event.is_none()
                || last_event == self.last_event(stream).map(|event| event.event_id);
            if actual != expected || !is_same {
                return Err(AppendError::Conflict { stream: stream.clone(), expected, actual });
            }
        }
        let Some(unless) = condition.unless() else { return Ok(()) };
        let newer = self.events.iter().rev().take_while(|event| event.position > unless.after);
        match newer.into_iter().find(|event| unless.query.matches(event)) {
            Some(event) => Err(AppendError::ConditionFailed { at: event.position }),
            None => Ok(()),
        }
    }

    /// In whole microseconds, which every database can hold, and never a step back.
    fn next_timestamp(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
        self.events.last().map_or(now, |last| last.timestamp.max(now))
    }

    fn push(&mut self, event: NewEvent, timestamp: DateTime<Utc>) -> Sequence {
        let sequence = self.sequence(event.stream()).plus(1);
        let position = self.head().plus(1);
        self.streams.entry(event.stream().clone()).or_default().push(self.events.len());
        self.events.push(event.recorded_at(position, sequence, timestamp));
        sequence
    }

    fn read(&self, read: &Read) -> Page {
        let is_in_bounds = |event: &&RecordedEvent| {
            event.position > read.after_position() && event.position <= read.up_to_position()
        };
        match read.selection() {
            Selection::Stream { stream, after } => {
                let indexes = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
                let known = usize::try_from(after.get()).unwrap_or(usize::MAX);
                let newer = indexes.get(known..).unwrap_or_default();
                let events = newer.iter().filter_map(|index| self.events.get(*index));
                self.page(read, events.filter(is_in_bounds))
            }
            Selection::Query(query) => {
                let known = usize::try_from(read.after_position().get()).unwrap_or(usize::MAX);
                let newer = self.events.get(known..).unwrap_or_default();
                let matching = newer.iter().filter(|event| query.matches(event));
                self.page(read, matching.filter(is_in_bounds))
            }
        }
    }

    fn page<'a>(&self, read: &Read, selected: impl Iterator<Item = &'a RecordedEvent>) -> Page {
        let end = self.head().min(read.up_to_position());
        let (mut events, mut bytes) = (Vec::new(), 0);
        for event in selected {
            bytes += event.payload.as_str().len() + event.metadata.as_str().len();
            let is_full = events.len() == read.limit_events()
                || (bytes > PAGE_BYTES_MAX && !events.is_empty());
            if is_full {
                let through = events.last().map_or(end, |last: &RecordedEvent| last.position);
                return Page { events, through, has_more: true };
            }
            events.push(event.clone());
        }
        Page { events, through: end.max(read.after_position()), has_more: false }
    }
}

impl EventStore for MemoryStore {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move { self.append_now(append) })
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move { Ok(self.lock().read(&read)) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.lock().head()) })
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            loop {
                // Listen first, look second: an append between the two then still wakes us.
                let news = self.news.listen();
                let head = self.lock().head();
                if head > position {
                    return Ok(head);
                }
                news.await;
            }
        })
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        Box::pin(async move {
            let found = self.lock().commands.get(&id).cloned();
            Ok(found.map(|first| Appended { repeated: true, ..first }))
        })
    }

    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        self.lock().last_event(stream).is_none_or(|last| last.position <= position)
    }
}

impl SnapshotStore for MemoryStore {
    fn save(&self, snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            let key = (snapshot.stream.clone(), snapshot.state_version);
            let mut kept = self.snapshots.lock().expect("no code panics while it holds them");
            // One at the same sequence is replaced: it is made again because it did not fit.
            if kept.get(&key).is_none_or(|older| older.sequence <= snapshot.sequence) {
                kept.insert(key, snapshot);
            }
            Ok(())
        })
    }

    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            let kept = self.snapshots.lock().expect("no code panics while it holds them");
            Ok(kept
                .get(&(stream, state_version))
                .filter(|snapshot| snapshot.sequence <= up_to)
                .cloned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use crate::json::Json;

    #[derive(Debug)]
    struct Far;

    impl Clock for Far {
        fn now(&self) -> DateTime<Utc> {
            "3000-01-01T00:00:00.123456789Z".parse().unwrap()
        }
    }

    /// Broke after the year 2262, where nanoseconds since 1970 leave 64 bits.
    #[test]
    fn timestamps_are_whole_microseconds_at_any_time() {
        let stream = StreamId::new("account", "1").unwrap();
        let event_type = EventType::new("opened").unwrap();
        let event = NewEvent::new(stream, event_type, 1, Json::empty_object()).unwrap();
        let store = MemoryStore::with_clock(Arc::new(Far));
        let append = Append::new(vec![event], AppendCondition::default(), None).unwrap();
        let _ = store.append_now(append).unwrap();
        let page = store.lock().read(&Read::all());
        let expected: DateTime<Utc> = "3000-01-01T00:00:00.123456Z".parse().unwrap();
        assert_eq!(page.events.first().unwrap().timestamp, expected);
    }
}
