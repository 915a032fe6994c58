//! A batch of any number of appends.

use annals_core::{Position, Sequence, Tag};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::int;
use crate::array_text::array_text;
use crate::draft::Draft;
use crate::json_text::JsonText;

/// The values of `append.sql`, one list for each.
#[derive(Debug)]
pub(super) struct Many<'a> {
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

impl<'a> Many<'a> {
    pub(super) fn writing(draft: &Draft<'a>) -> Self {
        Self {
            writes: true,
            head_at_least: draft.head_at_least().as_i64(),
            events: Events::of(draft),
            tags: Tags::of(draft),
            commands: Commands::of(draft),
            ..Self::looking(draft)
        }
    }

    pub(super) fn looking(draft: &Draft<'a>) -> Self {
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

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
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
