//! Random events and queries from small pools, so that they meet.

use annals_core::{EventQuery, NewEvent, QueryItem, StreamId};
use rand::RngExt;
use rand::rngs::StdRng;

use super::sample::{event_of, event_type, tag};

const STREAMS: usize = 6;
const TYPES: [&str; 5] = ["opened", "deposited", "withdrawn", "closed", "Opened"];
const TAGS: [&str; 6] = ["owner:ann", "owner:bob", "owner:an", "branch:1", "branch:10", "vip:yes"];

/// Streams that differ only in what careless comparison or joining of the parts overlooks.
const STREAM_IDS: [(&str, &str); STREAMS] = [
    ("sample", "1"),
    ("sample", "1:0"),
    ("sample:1", "0"),
    ("sample", "One"),
    ("sample", "one"),
    ("sample", "one "),
];

pub(crate) fn pooled_stream(index: usize) -> StreamId {
    let (aggregate_type, id) =
        STREAM_IDS.get(index % STREAMS).copied().expect("the remainder is an index");
    StreamId::new(aggregate_type, id).expect("the samples' ids are valid")
}

pub(crate) fn pooled_type(index: usize) -> &'static str {
    TYPES.get(index % TYPES.len()).copied().expect("the remainder is an index")
}

pub(crate) fn pooled_tag(index: usize) -> &'static str {
    TAGS.get(index % TAGS.len()).copied().expect("the remainder is an index")
}

fn any<'a>(random: &mut StdRng, pool: &[&'a str]) -> &'a str {
    pool.get(random.random_range(0..pool.len())).copied().unwrap_or_default()
}

pub(crate) fn random_stream(random: &mut StdRng) -> StreamId {
    pooled_stream(random.random_range(0..STREAMS))
}

/// An event with up to four tags.
pub(crate) fn random_event(random: &mut StdRng) -> NewEvent {
    let tags: Vec<&str> = (0..random.random_range(0..5)).map(|_| any(random, &TAGS)).collect();
    event_of(&random_stream(random), any(random, &TYPES), &tags)
}

/// Everything now and then; otherwise a union of up to three items, each of up to two streams, two
/// types and three tags.
pub(crate) fn random_query(random: &mut StdRng) -> EventQuery {
    if random.random_ratio(1, 20) {
        return EventQuery::all();
    }
    let items: Vec<QueryItem> =
        (0..random.random_range(1..4)).map(|_| random_item(random)).collect();
    EventQuery::any_of(items).expect("every item names something")
}

fn random_item(random: &mut StdRng) -> QueryItem {
    // A bit for each dimension; at least one of them restricts.
    let dimensions = random.random_range(1..8_u8);
    let mut item = QueryItem::new();
    if dimensions & 1 > 0 {
        for _ in 0..random.random_range(1..3) {
            item = item.stream(random_stream(random));
        }
    }
    if dimensions & 2 > 0 {
        for _ in 0..random.random_range(1..3) {
            item = item.event_type(event_type(any(random, &TYPES)));
        }
    }
    if dimensions & 4 > 0 {
        for _ in 0..random.random_range(1..4) {
            item = item.tag(tag(any(random, &TAGS)));
        }
    }
    item
}
