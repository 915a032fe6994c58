//! One history on the store under test and on the specification, step by step.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, Appended, CommandId, EventId, EventQuery, EventStore,
    MemoryStore, NewEvent, Position, QueryItem, Read, RecordedEvent, Sequence, StreamId,
};
use chrono::TimeDelta;
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};
use uuid::Uuid;

use super::history::{
    AppendSketch, COMMANDS, EventSketch, Expected, History, Place, QuerySketch, ReadSketch,
    SelectionSketch, Step,
};
use crate::clock::ManualClock;
use crate::conformance::{
    Harness, LogUnderTest, assert_page, event_type, in_flight, pooled_stream, pooled_tag,
    pooled_type, read_log, read_pages, sample_event, tag,
};

/// Both logs.
pub(super) struct Comparison {
    log: Box<dyn LogUnderTest>,
    model: MemoryStore,
    clock: Arc<ManualClock>,
    /// What the model holds, with the timestamps of the store.
    written: Vec<RecordedEvent>,
}

type Verdict = Result<(), TestCaseError>;

impl Comparison {
    pub(super) async fn new(harness: &dyn Harness) -> Self {
        let clock = Arc::new(ManualClock::default());
        let log = harness.create(clock.clone()).await;
        let model = MemoryStore::with_clock(clock.clone());
        Self { log, model, clock, written: Vec::new() }
    }

    pub(super) async fn replay(mut self, history: &History) -> Verdict {
        for step in history {
            match step {
                Step::Append(append) => self.append_together(std::slice::from_ref(append)).await?,
                Step::Together(appends) => self.append_together(appends).await?,
                Step::Read(read) => self.read(read).await?,
                Step::FindCommand(index) => self.find_command(*index).await?,
                Step::ClockJumps(micros) => {
                    let nanos = TimeDelta::nanoseconds(i64::from(*micros % 1_000));
                    self.clock.advance(TimeDelta::microseconds((*micros).into()) + nanos);
                }
                Step::Reopen => self.log.reopen().await,
            }
        }
        for _ in 0..2 {
            prop_assert_eq!(&read_log(&*self.log.store()).await, &self.written);
            for index in 0..COMMANDS {
                self.find_command(index).await?;
            }
            self.log.reopen().await;
        }
        Ok(())
    }

    /// Appends that are in flight together are taken in their order, so the model takes them one
    /// after the other.
    async fn append_together(&mut self, sketches: &[AppendSketch]) -> Verdict {
        let appends: Vec<Append> =
            sketches.iter().filter_map(|sketch| self.draw_append(sketch)).collect();
        let store = self.log.store();
        let calls = appends.iter().map(|append| store.append(append.clone())).collect();
        let outcomes = in_flight(calls).await;
        let mut expected = Vec::new();
        for append in &appends {
            expected.push(self.model.append(append.clone()).await);
        }
        self.take_over().await?;
        for ((append, outcome), expected) in appends.iter().zip(outcomes).zip(expected) {
            self.compare(append, outcome, expected)?;
        }
        Ok(())
    }

    /// Extends what is written by what the model has got, and compares the store with it.
    async fn take_over(&mut self) -> Verdict {
        let known = self.written.last().map_or(Position::ZERO, |event| event.position);
        let store = self.log.store();
        let news = read_pages(&*store, Read::all().after(known)).await;
        let expected = read_pages(&self.model, Read::all().after(known)).await;
        prop_assert_eq!(news.len(), expected.len(), "number of new events: {:?}", news);
        for (event, expected) in news.into_iter().zip(expected) {
            let expected = RecordedEvent { timestamp: event.timestamp, ..expected };
            prop_assert_eq!(&event, &expected);
            self.written.push(event);
        }
        let head = self.written.last().map_or(Position::ZERO, |event| event.position);
        let store_head = store.head().await;
        prop_assert!(matches!(store_head, Ok(told) if told == head), "head {:?}", store_head);
        Ok(())
    }

    fn compare(
        &self,
        append: &Append,
        outcome: Result<Appended, AppendError>,
        expected: Result<Appended, AppendError>,
    ) -> Verdict {
        match (&outcome, &expected) {
            (Ok(outcome), Ok(expected)) => prop_assert_eq!(outcome, expected),
            (
                Err(AppendError::ConditionFailed { at }),
                Err(AppendError::ConditionFailed { .. }),
            ) => {
                // Any matching event may be named.
                let unless = append.condition().unless();
                let found = self.written.iter().find(|event| event.position == *at);
                let fits = found.zip(unless).is_some_and(|(event, unless)| {
                    *at > unless.after && unless.query.matches(event)
                });
                prop_assert!(fits, "the event at {} does not match {:?}", at, unless);
            }
            (
                Err(AppendError::Conflict { stream, expected, actual }),
                Err(AppendError::Conflict {
                    stream: model_stream,
                    expected: model_expected,
                    actual: model_actual,
                }),
            ) => prop_assert_eq!(
                (stream, expected, actual),
                (model_stream, model_expected, model_actual)
            ),
            _ => prop_assert!(
                false,
                "the store says {:?}, the specification {:?}, of {:?}",
                outcome,
                expected,
                append
            ),
        }
        Ok(())
    }

    async fn read(&self, sketch: &ReadSketch) -> Verdict {
        let read = match &sketch.selection {
            SelectionSketch::Stream { stream, after } => {
                let after = Sequence::ZERO.plus((*after).into());
                Read::stream(pooled_stream((*stream).into()), after)
            }
            SelectionSketch::Query(query) => Read::query(draw_query(query)),
        };
        let (after, up_to) = (self.draw_place(&sketch.after), self.draw_place(&sketch.up_to));
        let read = read.after(after).up_to(up_to).limit(sketch.limit.into());
        let store = self.log.store();
        let page = store.read(read.clone()).await;
        let page = page.map_err(|error| TestCaseError::fail(format!("{read:?}: {error:?}")))?;
        assert_page(&self.written, &read, &page);
        let expected = read_pages(&self.model, read.clone()).await;
        let gathered = read_pages(&*store, read.clone()).await;
        let positions = |events: &[RecordedEvent]| -> Vec<Position> {
            events.iter().map(|event| event.position).collect()
        };
        prop_assert_eq!(positions(&gathered), positions(&expected), "{:?}", read);
        Ok(())
    }

    async fn find_command(&self, index: u8) -> Verdict {
        let id = draw_command(index);
        let found = self.log.store().find_command(id).await;
        let expected = self.model.find_command(id).await;
        match (found, expected) {
            (Ok(found), Ok(expected)) => prop_assert_eq!(found, expected),
            differing => prop_assert!(false, "{:?}", differing),
        }
        Ok(())
    }

    /// `None` for an append that the vocabulary itself refuses: of nothing, for no command.
    fn draw_append(&self, sketch: &AppendSketch) -> Option<Append> {
        let mut condition = AppendCondition::default();
        for (index, expected) in &sketch.expected {
            condition = self.expect(condition, pooled_stream((*index).into()), expected);
        }
        if let Some((query, after)) = &sketch.nothing_new {
            condition = condition.nothing_new(draw_query(query), self.draw_place(after));
        }
        let events = sketch.events.iter().map(draw_event).collect();
        Append::new(events, condition, sketch.command.map(draw_command)).ok()
    }

    fn expect(
        &self,
        condition: AppendCondition,
        stream: StreamId,
        expected: &Expected,
    ) -> AppendCondition {
        let last = self.written.iter().rev().find(|event| event.stream == stream);
        let sequence = last.map_or(Sequence::ZERO, |event| event.sequence);
        match (expected, last) {
            (Expected::RightEvent, Some(last)) => {
                condition.expect_event(stream, sequence, last.event_id)
            }
            (Expected::OtherEvent, Some(_)) => {
                // The first of the log is the right one only in a stream of one event.
                let first = self.written.first().map_or_else(EventId::new, |event| event.event_id);
                condition.expect_event(stream, sequence, first)
            }
            (Expected::Off(by), _) => {
                let sequence = sequence.get().saturating_add_signed((*by).into());
                condition.expect_sequence(stream, Sequence::ZERO.plus(sequence))
            }
            (Expected::NotToExist, _) => condition.expect_sequence(stream, Sequence::ZERO),
            (Expected::Highest, _) => condition.expect_sequence(stream, Sequence::MAX),
            _ => condition.expect_sequence(stream, sequence),
        }
    }

    fn draw_place(&self, place: &Place) -> Position {
        let head = self.written.last().map_or(0, |event| event.position.get());
        match place {
            Place::Beginning => Position::ZERO,
            Place::BeforeEnd(count) => {
                Position::ZERO.plus(head.saturating_sub_signed((*count).into()))
            }
            Place::Highest => Position::MAX,
        }
    }
}

fn draw_event(sketch: &EventSketch) -> NewEvent {
    let stream = pooled_stream(sketch.stream.into());
    let tags: Vec<&str> = sketch.tags.iter().map(|index| pooled_tag((*index).into())).collect();
    let payload = format!(r#"{{"number":{}}}"#, sketch.payload);
    sample_event(&stream, pooled_type(sketch.event_type.into()), &tags, &payload)
}

fn draw_query(sketch: &QuerySketch) -> EventQuery {
    let items = sketch.iter().map(|item| {
        let mut drawn = QueryItem::new();
        for index in &item.streams {
            drawn = drawn.stream(pooled_stream((*index).into()));
        }
        for index in &item.types {
            drawn = drawn.event_type(event_type(pooled_type((*index).into())));
        }
        for index in &item.tags {
            drawn = drawn.tag(tag(pooled_tag((*index).into())));
        }
        drawn
    });
    let items: Vec<QueryItem> = items.collect();
    if items.is_empty() {
        return EventQuery::all();
    }
    EventQuery::any_of(items).expect("every item names something")
}

fn draw_command(index: u8) -> CommandId {
    CommandId::derived(&Uuid::nil(), &[index])
}
