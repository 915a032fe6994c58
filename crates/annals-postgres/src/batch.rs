//! A draft as values of the statements that write it.

use annals_core::{Position, Sequence, Tag};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::array_text::array_text;
use crate::draft::Draft;
use crate::json_text::JsonText;
use crate::page_query::Items;
use crate::statement::Statement;

/// What is sent for a batch.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    append: Append<'a>,
    conditions: Option<Conditions>,
}

#[derive(Debug)]
enum Append<'a> {
    /// The simplest and, with a single caller, the usual kind.
    One(One<'a>),
    Many(Box<Many<'a>>),
}

/// The values of `append_one.sql`.
#[derive(Debug)]
struct One<'a> {
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    sequence: Option<i64>,
    last_event: Option<Uuid>,
    known_head: Option<i64>,
    current_sequence: Option<i64>,
    event_type: &'a str,
    event_version: i32,
    event_id: Uuid,
    payload: JsonText<'a>,
    metadata: JsonText<'a>,
    tags: Option<Vec<&'a str>>,
    command_id: Option<Uuid>,
}

/// The values of `append.sql`, one list for each.
#[derive(Debug)]
struct Many<'a> {
    writes: bool,
    head_at_least: i64,
    known_head: Option<i64>,
    streams: Streams<'a>,
    new_commands: Vec<Uuid>,
    events: Events<'a>,
    tags: Tags<'a>,
    commands: Commands,
}

#[derive(Debug, Default)]
struct Streams<'a> {
    aggregate_types: Vec<&'a str>,
    aggregate_ids: Vec<&'a str>,
    sequences: Vec<Option<i64>>,
    event_ids: Vec<Option<Uuid>>,
    current_sequences: Vec<Option<i64>>,
}

/// The values of `check_conditions.sql`.
#[derive(Debug, Default)]
struct Conditions {
    numbers: Vec<i32>,
    after: Vec<i64>,
    are_needed: Vec<bool>,
    items: Items,
}

#[derive(Debug, Default)]
struct Events<'a> {
    aggregate_types: Vec<&'a str>,
    aggregate_ids: Vec<&'a str>,
    streams: Vec<i32>,
    places: Vec<i64>,
    event_types: Vec<&'a str>,
    event_versions: Vec<i32>,
    event_ids: Vec<Uuid>,
    payloads: Vec<JsonText<'a>>,
    metadata: Vec<JsonText<'a>>,
    tags: Vec<Option<String>>,
}

#[derive(Debug, Default)]
struct Tags<'a> {
    tags: Vec<&'a str>,
    events: Vec<i32>,
    event_types: Vec<&'a str>,
}

#[derive(Debug, Default)]
struct Commands {
    ids: Vec<Uuid>,
    first_events: Vec<i32>,
    counts: Vec<i32>,
}

impl<'a> Batch<'a> {
    /// Writes what the draft says, if it holds.
    pub(crate) fn writing(draft: &Draft<'a>) -> Self {
        let append = match One::of(draft) {
            Some(one) => Append::One(one),
            None => Append::Many(Box::new(Many::writing(draft))),
        };
        Self { append, conditions: Conditions::of(draft) }
    }

    /// Looks up everything the draft mentions and writes nothing.
    pub(crate) fn looking(draft: &Draft<'a>) -> Self {
        let append = Append::Many(Box::new(Many::looking(draft)));
        Self { append, conditions: Conditions::of(draft) }
    }

    /// The statement that writes.
    pub(crate) fn statement(&self) -> Statement {
        match self.append {
            Append::One(_) => Statement::AppendOne,
            Append::Many(_) => Statement::Append,
        }
    }

    /// The values of that statement.
    pub(crate) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        match &self.append {
            Append::One(one) => one.values(),
            Append::Many(many) => many.values(),
        }
    }

    /// The values of the statement that checks query conditions, if there are any.
    pub(crate) fn condition_values(&self) -> Option<[&(dyn ToSql + Sync); 7]> {
        let Conditions { numbers, after, are_needed, items } = self.conditions.as_ref()?;
        let Items { tags, types, stream_types, stream_ids } = items;
        Some([numbers, after, are_needed, tags, types, stream_types, stream_ids])
    }
}

impl<'a> One<'a> {
    fn of(draft: &Draft<'a>) -> Option<Self> {
        let (append, slot) = draft.single()?;
        let event = append.events().first()?;
        let tags = event.tags();
        Some(Self {
            aggregate_type: slot.stream.aggregate_type(),
            aggregate_id: slot.stream.aggregate_id(),
            sequence: slot.assumed_sequence().map(Sequence::as_i64),
            last_event: slot.assumed_event().map(|id| *id.as_uuid()),
            known_head: draft.known_head().map(Position::as_i64),
            current_sequence: slot.current_sequence().map(Sequence::as_i64),
            event_type: event.event_type().as_str(),
            event_version: int(event.event_version()),
            event_id: *event.event_id().as_uuid(),
            payload: JsonText(event.payload().as_str()),
            metadata: JsonText(event.metadata().as_str()),
            tags: (!tags.is_empty()).then(|| tags.iter().map(Tag::as_str).collect()),
            command_id: append.command_id().map(|id| *id.as_uuid()),
        })
    }

    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.aggregate_type,
            &self.aggregate_id,
            &self.sequence,
            &self.last_event,
            &self.known_head,
            &self.current_sequence,
            &self.event_type,
            &self.event_version,
            &self.event_id,
            &self.payload,
            &self.metadata,
            &self.tags,
            &self.command_id,
        ]
    }
}

impl<'a> Many<'a> {
    fn writing(draft: &Draft<'a>) -> Self {
        Self {
            writes: true,
            head_at_least: draft.head_at_least().as_i64(),
            events: Events::of(draft),
            tags: Tags::of(draft),
            commands: Commands::of(draft),
            ..Self::looking(draft)
        }
    }

    fn looking(draft: &Draft<'a>) -> Self {
        Self {
            writes: false,
            head_at_least: 0,
            known_head: draft.known_head().map(Position::as_i64),
            streams: Streams::of(draft),
            new_commands: draft.new_commands().map(|id| *id.as_uuid()).collect(),
            events: Events::default(),
            tags: Tags::default(),
            commands: Commands::default(),
        }
    }

    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        let Self { streams, events, tags, commands, .. } = self;
        vec![
            &self.writes,
            &self.head_at_least,
            &self.known_head,
            &streams.aggregate_types,
            &streams.aggregate_ids,
            &streams.sequences,
            &streams.event_ids,
            &streams.current_sequences,
            &self.new_commands,
            &events.aggregate_types,
            &events.aggregate_ids,
            &events.streams,
            &events.places,
            &events.event_types,
            &events.event_versions,
            &events.event_ids,
            &events.payloads,
            &events.metadata,
            &events.tags,
            &tags.tags,
            &tags.events,
            &tags.event_types,
            &commands.ids,
            &commands.first_events,
            &commands.counts,
        ]
    }
}

impl<'a> Streams<'a> {
    fn of(draft: &Draft<'a>) -> Self {
        let mut streams = Self::default();
        for slot in draft.slots() {
            streams.aggregate_types.push(slot.stream.aggregate_type());
            streams.aggregate_ids.push(slot.stream.aggregate_id());
            streams.sequences.push(slot.assumed_sequence().map(Sequence::as_i64));
            streams.event_ids.push(slot.assumed_event().map(|id| *id.as_uuid()));
            streams.current_sequences.push(slot.current_sequence().map(Sequence::as_i64));
        }
        streams
    }
}

impl Conditions {
    fn of(draft: &Draft<'_>) -> Option<Self> {
        let mut conditions = Self::default();
        for (number, unless, is_needed) in draft.conditions() {
            for _ in 0..conditions.items.add(&unless.query) {
                conditions.numbers.push(int(number));
                conditions.after.push(unless.after.as_i64());
                conditions.are_needed.push(is_needed);
            }
        }
        (!conditions.numbers.is_empty()).then_some(conditions)
    }
}

impl<'a> Events<'a> {
    fn of(draft: &Draft<'a>) -> Self {
        let mut events = Self::default();
        for drafted in draft.events() {
            let event = drafted.event;
            events.aggregate_types.push(event.stream().aggregate_type());
            events.aggregate_ids.push(event.stream().aggregate_id());
            events.streams.push(int(drafted.slot + 1));
            events.places.push(int(drafted.place).into());
            events.event_types.push(event.event_type().as_str());
            events.event_versions.push(int(event.event_version()));
            events.event_ids.push(*event.event_id().as_uuid());
            events.payloads.push(JsonText(event.payload().as_str()));
            events.metadata.push(JsonText(event.metadata().as_str()));
            let tags = event.tags().iter().map(Tag::as_str);
            events.tags.push((tags.len() > 0).then(|| array_text(tags)));
        }
        events
    }
}

impl<'a> Tags<'a> {
    fn of(draft: &Draft<'a>) -> Self {
        let mut tags = Self::default();
        for (index, drafted) in draft.events().iter().enumerate() {
            for tag in drafted.event.tags() {
                tags.tags.push(tag.as_str());
                tags.events.push(int(index + 1));
                tags.event_types.push(drafted.event.event_type().as_str());
            }
        }
        tags
    }
}

impl Commands {
    fn of(draft: &Draft<'_>) -> Self {
        let mut commands = Self::default();
        for (id, first, count) in draft.commands() {
            commands.ids.push(*id.as_uuid());
            commands.first_events.push(int(first + 1));
            commands.counts.push(int(count));
        }
        commands
    }
}

/// Numbers within a batch, all of which are small.
fn int<T>(number: T) -> i32
where
    i32: TryFrom<T>,
    <i32 as TryFrom<T>>::Error: std::fmt::Debug,
{
    i32::try_from(number).expect("a batch is bounded far below 2^31")
}
