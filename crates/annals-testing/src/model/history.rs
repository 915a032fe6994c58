//! Random histories, described relative to the log they meet, so that they can be made smaller.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};

pub(super) type History = Vec<Step>;

/// One thing that happens to a log.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Append(AppendSketch),
    /// Appends in flight together, in this order.
    Together(Vec<AppendSketch>),
    Read(ReadSketch),
    FindCommand(u8),
    /// The clock jumps by so many microseconds and a few nanoseconds.
    ClockJumps(i32),
    Reopen,
}

/// Numbers that name streams, types, tags and commands are indexes into pools.
#[derive(Debug, Clone)]
pub(super) struct AppendSketch {
    pub(super) events: Vec<EventSketch>,
    pub(super) expected: Vec<(u8, Expected)>,
    pub(super) nothing_new: Option<(QuerySketch, Place)>,
    pub(super) command: Option<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct EventSketch {
    pub(super) stream: u8,
    pub(super) event_type: u8,
    pub(super) tags: Vec<u8>,
    pub(super) payload: u8,
}

/// What is expected of a stream, compared with where it is.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    Right,
    RightEvent,
    OtherEvent,
    Off(i8),
    NotToExist,
    Highest,
}

/// No items mean every event.
pub(super) type QuerySketch = Vec<ItemSketch>;

#[derive(Debug, Clone)]
pub(super) struct ItemSketch {
    pub(super) streams: Vec<u8>,
    pub(super) types: Vec<u8>,
    pub(super) tags: Vec<u8>,
}

/// A position, compared with the head.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Beginning,
    /// Before the head, or beyond it if negative.
    BeforeEnd(i8),
    Highest,
}

#[derive(Debug, Clone)]
pub(super) struct ReadSketch {
    pub(super) selection: SelectionSketch,
    pub(super) after: Place,
    pub(super) up_to: Place,
    pub(super) limit: u8,
}

#[derive(Debug, Clone)]
pub(super) enum SelectionSketch {
    Stream { stream: u8, after: u8 },
    Query(QuerySketch),
}

/// Sizes of the pools: small, so that what is drawn meets.
const STREAMS: u8 = 4;
const TYPES: u8 = 3;
const TAGS: u8 = 4;
pub(super) const COMMANDS: u8 = 5;

pub(super) fn history() -> BoxedStrategy<History> {
    vec(step(), 1..40).boxed()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => append().prop_map(Step::Append),
        2 => vec(append(), 2..6).prop_map(Step::Together),
        5 => read().prop_map(Step::Read),
        2 => (0..=COMMANDS).prop_map(Step::FindCommand),
        1 => any::<i32>().prop_map(Step::ClockJumps),
        1 => Just(Step::Reopen),
    ]
}

fn append() -> impl Strategy<Value = AppendSketch> {
    // Mostly conditions that may hold, or the logs would stay empty.
    let expected = prop_oneof![
        4 => Just(Vec::new()),
        6 => vec((0..STREAMS, expected()), 1..3),
    ];
    let nothing_new = option::weighted(0.3, (query(), place()));
    let command = option::weighted(0.3, 0..COMMANDS);
    (vec(event(), 0..4), expected, nothing_new, command).prop_map(
        |(events, expected, nothing_new, command)| AppendSketch {
            events,
            expected,
            nothing_new,
            command,
        },
    )
}

fn event() -> impl Strategy<Value = EventSketch> {
    (0..STREAMS, 0..TYPES, vec(0..TAGS, 0..3), any::<u8>()).prop_map(
        |(stream, event_type, tags, payload)| EventSketch { stream, event_type, tags, payload },
    )
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        6 => Just(Expected::Right),
        3 => Just(Expected::RightEvent),
        1 => Just(Expected::OtherEvent),
        1 => (-2..3_i8).prop_map(Expected::Off),
        1 => Just(Expected::NotToExist),
        1 => Just(Expected::Highest),
    ]
}

fn query() -> impl Strategy<Value = QuerySketch> {
    let item = (vec(0..STREAMS, 0..3), vec(0..TYPES, 0..3), vec(0..TAGS, 0..3)).prop_filter_map(
        "an item names something",
        |(streams, types, tags)| {
            let is_empty = streams.is_empty() && types.is_empty() && tags.is_empty();
            (!is_empty).then_some(ItemSketch { streams, types, tags })
        },
    );
    vec(item, 0..3)
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        1 => Just(Place::Beginning),
        6 => (-2..6_i8).prop_map(Place::BeforeEnd),
        1 => Just(Place::Highest),
    ]
}

fn read() -> impl Strategy<Value = ReadSketch> {
    let selection = prop_oneof![
        (0..=STREAMS, 0..6_u8)
            .prop_map(|(stream, after)| SelectionSketch::Stream { stream, after }),
        query().prop_map(SelectionSketch::Query),
    ];
    let after = prop_oneof![Just(Place::Beginning), place()];
    let up_to = prop_oneof![Just(Place::Highest), place()];
    (selection, after, up_to, 1..20_u8).prop_map(|(selection, after, up_to, limit)| ReadSketch {
        selection,
        after,
        up_to,
        limit,
    })
}
