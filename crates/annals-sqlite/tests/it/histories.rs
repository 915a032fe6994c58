//! Random histories: the store does what the specification in memory does.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, Appended, CommandId, EventId, EventQuery, EventStore,
    EventType, Json, MemoryStore, NewEvent, Position, QueryItem, Read, RecordedEvent, Sequence,
    StreamId, Tag,
};
use annals_sqlite::SqliteStore;
use annals_testing::ManualClock;
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use crate::child::log_in;

#[derive(Debug, Clone)]
enum Step {
    /// Sends an append.
    Append(Command),
    /// Lets time pass, or go back.
    Wait(i64),
    Read(Selected, u64, u64, usize),
    Reopen,
}

#[derive(Debug, Clone)]
struct Command {
    /// `None` is a command without an id; the same number is the same command again.
    id: Option<u8>,
    events: Vec<(u8, u8, Vec<u8>)>,
    expected: Vec<(u8, Expected)>,
    unless: Option<(Items, u64)>,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    /// What the stream really has, or off by this much.
    Sequence(i8),
    /// With the event that is really there, or another one.
    Event { is_right: bool },
}

#[derive(Debug, Clone)]
enum Selected {
    Stream(u8, u64),
    Query(Items),
}

/// Streams, types and tags of each item; no items select everything.
type Items = Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let items = || vec((vec(0..4_u8, 0..3), vec(0..3_u8, 0..3), vec(0..3_u8, 0..3)), 0..3);
    let expected = prop_oneof![
        4 => Just(Expected::Sequence(0)),
        1 => (-2..3_i8).prop_map(Expected::Sequence),
        2 => any::<bool>().prop_map(|is_right| Expected::Event { is_right }),
    ];
    let command = (
        proptest::option::of(0..12_u8),
        vec((0..4_u8, 0..3_u8, vec(0..3_u8, 0..3)), 0..4),
        vec((0..4_u8, expected), 0..3),
        proptest::option::of((items(), 0..40_u64)),
    );
    let command = command.prop_map(|(id, events, expected, unless)| Command {
        id: if events.is_empty() { id.or(Some(0)) } else { id },
        events,
        expected,
        unless,
    });
    let selected = prop_oneof![
        (0..5_u8, 0..6_u64).prop_map(|(stream, after)| Selected::Stream(stream, after)),
        items().prop_map(Selected::Query),
    ];
    let step = prop_oneof![
        12 => command.prop_map(Step::Append),
        2 => (-5..50_i64).prop_map(Step::Wait),
        6 => (selected, 0..50_u64, 0..50_u64, 1..9_usize)
            .prop_map(|(selected, after, up_to, limit)| Step::Read(selected, after, up_to, limit)),
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..60)
}

fn stream(number: u8) -> StreamId {
    StreamId::new(["account", "owner"][usize::from(number % 2)], format!("{number}")).unwrap()
}

fn event_type(number: u8) -> EventType {
    EventType::new(format!("type{number}")).unwrap()
}

fn tag(number: u8) -> Tag {
    Tag::new("tag", number).unwrap()
}

fn query(items: &Items) -> EventQuery {
    let items = items.iter().filter(|(streams, types, tags)| {
        !streams.is_empty() || !types.is_empty() || !tags.is_empty()
    });
    let items: Vec<QueryItem> = items
        .map(|(streams, types, tags)| {
            let item = streams.iter().fold(QueryItem::new(), |item, n| item.stream(stream(*n)));
            let item = types.iter().fold(item, |item, n| item.event_type(event_type(*n)));
            tags.iter().fold(item, |item, n| item.tag(tag(*n)))
        })
        .collect();
    if items.is_empty() { EventQuery::all() } else { EventQuery::any_of(items).unwrap() }
}

/// The append as it stands at this moment of the history.
async fn append(command: &Command, model: &MemoryStore, number: usize) -> Append {
    let mut condition = AppendCondition::default();
    for (number, expected) in &command.expected {
        let stream = stream(*number);
        let last = read_all(model, Read::stream(stream.clone(), Sequence::ZERO)).await.pop();
        let sequence = last.as_ref().map_or(0, |last| last.sequence.get());
        condition = match expected {
            Expected::Sequence(off) => {
                let off = sequence.saturating_add_signed((*off).into());
                condition.expect_sequence(stream, Sequence::new(off).unwrap())
            }
            Expected::Event { is_right } => {
                let real = last.filter(|_| *is_right).map(|last| last.event_id);
                let id = real.unwrap_or(EventId::from_uuid(Uuid::nil()));
                condition.expect_event(stream, Sequence::new(sequence).unwrap(), id)
            }
        };
    }
    if let Some((items, after)) = &command.unless {
        condition = condition.nothing_new(query(items), Position::new(*after).unwrap());
    }
    let events = command.events.iter().map(|(number_of_stream, kind, tags)| {
        let payload = Json::parse("payload", format!("{{\"n\":{number}}}"), 100).unwrap();
        NewEvent::new(stream(*number_of_stream), event_type(*kind), 1, payload)
            .unwrap()
            .with_tags(tags.iter().map(|n| tag(*n)).collect())
            .unwrap()
    });
    let id = command.id.map(|id| CommandId::derived(&Uuid::nil(), &[id]));
    Append::new(events.collect(), condition, id).unwrap()
}

async fn read_all(store: &dyn EventStore, read: Read) -> Vec<RecordedEvent> {
    let (mut events, mut read) = (Vec::new(), read);
    loop {
        let page = store.read(read.clone()).await.unwrap();
        events.extend(page.events);
        if !page.has_more {
            return events;
        }
        read = read.after(page.through);
    }
}

fn assert_same(model: Result<Appended, AppendError>, real: Result<Appended, AppendError>) {
    match (model, real) {
        (Ok(model), Ok(real)) => assert_eq!(model, real),
        // Any matching event will do.
        (Err(AppendError::ConditionFailed { .. }), Err(AppendError::ConditionFailed { .. })) => {}
        (Err(model), Err(real)) => assert_eq!(model.to_string(), real.to_string()),
        (model, real) => panic!("specified {model:?}, got {real:?}"),
    }
}

async fn play(steps: Vec<Step>) {
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    let clock = Arc::new(ManualClock::default());
    let model = MemoryStore::with_clock(clock.clone());
    let open = || {
        let options = SqliteStore::options().readers(1).clock(clock.clone());
        options.open(log_in(folder.path())).unwrap()
    };
    let mut real = open();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Append(command) => {
                let append = append(&command, &model, number).await;
                assert_same(model.append(append.clone()).await, real.append(append).await);
            }
            Step::Wait(micros) => clock.advance(TimeDelta::microseconds(micros)),
            Step::Read(selected, after, up_to, limit) => {
                let read = match selected {
                    Selected::Stream(number, after) => {
                        Read::stream(stream(number), Sequence::new(after).unwrap())
                    }
                    Selected::Query(items) => Read::query(query(&items)),
                };
                let read = read.after(Position::new(after).unwrap()).limit(limit);
                let read = read.up_to(Position::new(up_to).unwrap());
                assert_eq!(read_all(&model, read.clone()).await, read_all(&real, read).await);
            }
            Step::Reopen => {
                real.close();
                real = open();
            }
        }
        assert_eq!(model.head().await.unwrap(), real.head().await.unwrap());
    }
    assert_eq!(read_all(&model, Read::all()).await, read_all(&real, Read::all()).await);
    for id in 0..12 {
        let id = CommandId::derived(&Uuid::nil(), &[id]);
        assert_eq!(model.find_command(id).await.unwrap(), real.find_command(id).await.unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn histories_agree_with_the_specification(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}
