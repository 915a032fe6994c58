//! G12: what comes back is what was written.

use std::sync::Arc;

use annals_core::limits::{
    AGGREGATE_ID_BYTES_MAX, EVENT_TAGS_MAX, EVENT_VERSION_MAX, JSON_DEPTH_MAX, METADATA_BYTES_MAX,
    TAG_BYTES_MAX,
};
use annals_core::{
    EventId, EventType, Json, JsonError, LimitError, MemoryStore, NewEvent, RecordedEvent,
    StreamId, Tag,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::harness::Harness;
use super::reading::{read_log, read_stream};
use super::sample::{acknowledged, event, event_type, json, new_log, stream, tag, unconditional};
use crate::clock::ManualClock;

/// JSON that careless storage changes: numbers beyond 64 bits and beyond any float, digits that
/// a float drops, keys out of order or twice, every escape, and text that looks like something
/// else.
const AWKWARD: &[&str] = &[
    "null",
    "true",
    "\"\"",
    "{}",
    "[]",
    "0",
    "-0",
    "-0.0",
    "1.10",
    "1e2",
    "1E+2",
    "0.30000000000000004",
    "0.1",
    "1e400",
    "-1e-400",
    "5e-324",
    "18446744073709551615",
    "-9223372036854775808",
    "170141183460469231731687303715884105727",
    "-170141183460469231731687303715884105728",
    "9007199254740993",
    "3.141592653589793238462643383279502884197",
    r#"{"b":1,"a":2,"B":3,"aa":4}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"":0," ":1}"#,
    r#"{"$serde_json::private::Number":"1"}"#,
    r#""\"\\\/\b\f\n\r\t""#,
    "\"\\u0001\\u001f\\u007f\\u00e9\u{e9}\"",
    "\"\\ud83d\\ude00 \u{1f600} \u{1f469}\u{200d}\u{1f467} \u{e9} e\\u0301 e\u{301}\"",
    r#""\\u0000 is not NUL""#,
    "\"\u{feff}\u{2028}\u{2029}\u{200f}\u{fffd}\u{10ffff}\"",
    r#""'; DROP TABLE event; --""#,
    r#""%s %d ${x} {{x}} \\x41""#,
    r#"" leading and trailing ""#,
    " { \"spaced\" : [ 1 , 2 ] } ",
    "{\n\t\"lines\": 1\r\n}",
    "\"2024-02-30T25:61:61Z\"",
    "\"NaN\"",
];

/// **G12** Payload and metadata come back as the same JSON value that was appended.
///
/// To the letter, which every value of `serde` is then the same for. Ids, types, tags and versions
/// at their bounds come back as well, an id that another event has included.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g12_json_comes_back_to_the_letter(harness: &dyn Harness) {
    let mut log = new_log(harness).await;
    let written = awkward_events();
    for events in written.chunks(9) {
        let _ = acknowledged(&*log.store(), unconditional(events.to_vec())).await;
    }
    for _ in 0..2 {
        let store = log.store();
        let read = read_log(&*store).await;
        assert_eq!(read.len(), written.len());
        for (event, written) in read.iter().zip(&written) {
            assert_same(event, written);
        }
        for stream in written.iter().map(NewEvent::stream) {
            let expected: Vec<_> =
                read.iter().filter(|event| event.stream == *stream).cloned().collect();
            assert_eq!(read_stream(&*store, stream).await, expected, "other by stream than by log");
        }
        drop(store);
        log.reopen().await;
    }
}

fn assert_same(event: &RecordedEvent, written: &NewEvent) {
    assert_eq!(event.payload.as_str(), written.payload().as_str(), "the payload has changed");
    assert_eq!(event.metadata.as_str(), written.metadata().as_str(), "the metadata has changed");
    let expected = written.clone().recorded_at(event.position, event.sequence, event.timestamp);
    assert_eq!(*event, expected, "more than position, sequence and timestamp was added");
}

fn awkward_events() -> Vec<NewEvent> {
    let own = stream("own");
    let deep = |open: &str, close: &str| {
        format!("{}1{}", open.repeat(JSON_DEPTH_MAX), close.repeat(JSON_DEPTH_MAX))
    };
    let generated = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("\"{}\"", "long \u{e9} \u{1f600} ".repeat(8_000)),
        format!("[{}0]", "1,".repeat(20_000)),
        (0..=0x7f_u32)
            .filter(|c| *c != 0)
            .fold(String::from("\""), |text, c| text + &format!("\\u{c:04x}"))
            + "\"",
    ];
    let texts = AWKWARD.iter().copied().chain(generated.iter().map(String::as_str));
    let mut events: Vec<NewEvent> = texts
        .map(|text| {
            let event = NewEvent::new(own.clone(), event_type("awkward"), 1, json(text));
            let text = if text.len() > METADATA_BYTES_MAX { "{}" } else { text };
            event.and_then(|event| event.with_metadata(json(text))).expect("within the limits")
        })
        .collect();
    events.extend(events_at_the_bounds());
    events
}

fn events_at_the_bounds() -> Vec<NewEvent> {
    let new = |stream: StreamId, name: &str, version: u32| {
        NewEvent::new(stream, event_type(name), version, Json::empty_object())
            .expect("the samples are within the limits")
    };
    let many_tags: Vec<Tag> = (0..EVENT_TAGS_MAX).map(|n| tag(&format!("n:{n}"))).collect();
    let long_tag = format!("k:{}", "\u{e9}".repeat((TAG_BYTES_MAX - 2) / 2));
    let odd_tags = ["b:2", "a:1", "a:1", "k:a:b", "k: ", "k:'", "k:%", "k:\u{1f600}", &long_tag];
    let ids = [
        "x".repeat(AGGREGATE_ID_BYTES_MAX),
        "a/b".to_owned(),
        "'\"%_\\;--".to_owned(),
        " ".to_owned(),
        "\u{1f600}\u{feff}".to_owned(),
        "\u{c4}".to_owned(),
        "\u{e4}".to_owned(),
    ];
    let mut events: Vec<NewEvent> = ids.into_iter().map(|id| new(stream(id), "named", 1)).collect();
    events.push(new(stream("own"), "versioned", EVENT_VERSION_MAX));
    events.push(new(stream("own"), "a.B-c_d:0", 2));
    // Twice: no store looks for others with the id.
    for own in ["own", "other"] {
        events.push(event(&stream(own)).with_event_id(EventId::from_uuid(uuid::Uuid::max())));
    }
    events.push(event(&stream("own")).with_tags(many_tags).expect("as many as are allowed"));
    let odd_tags = odd_tags.map(tag).to_vec();
    events.push(event(&stream("own")).with_tags(odd_tags).expect("fewer than are allowed"));
    events
}

/// **G12** The digest of an event is the same on every store.
///
/// The same events at the same times on this store and on a [`MemoryStore`].
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g12_digest_is_the_same_on_every_store(harness: &dyn Harness) {
    let clock = Arc::new(ManualClock::new(sample_time()));
    let log = harness.create(clock.clone()).await;
    let store = log.store();
    for event in awkward_events() {
        clock.advance(TimeDelta::nanoseconds(1_234_567_891));
        let _ = acknowledged(&*store, unconditional(vec![event])).await;
    }
    let recorded = read_log(&*store).await;
    // A second store, given the times at which the first one wrote.
    let memory_clock = Arc::new(ManualClock::new(sample_time()));
    let memory = MemoryStore::with_clock(memory_clock.clone());
    for (event, recorded) in awkward_events().into_iter().zip(&recorded) {
        memory_clock.set(recorded.timestamp);
        let event = event.with_event_id(recorded.event_id);
        let _ = acknowledged(&memory, unconditional(vec![event])).await;
    }
    for (here, there) in recorded.iter().zip(read_log(&memory).await) {
        assert_eq!(here.digest(), there.digest(), "{here:?}\nthere {there:?}");
    }
}

/// An arbitrary time.
fn sample_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 999_999_999).expect("it is within chrono's range")
}

/// **G12** A NUL character inside a string is refused up front, by every store, because none gets
/// to see it.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g12_nul_is_refused_up_front(harness: &dyn Harness) {
    let nul = Json::parse("payload", r#"{"a":"b\u0000"}"#, 100);
    assert!(matches!(nul, Err(JsonError::Limit(LimitError::Nul { .. }))), "{nul:?}");
    assert!(StreamId::new("sample", "a\0b").is_err());
    assert!(EventType::new("a\0b").is_err());
    assert!(Tag::new("a", "\0").is_err());
    // What looks like it and is not comes back.
    let log = new_log(harness).await;
    let looks = NewEvent::new(stream("own"), event_type("noted"), 1, json(r#""\\u0000""#))
        .expect("within the limits");
    let _ = acknowledged(&*log.store(), unconditional(vec![looks.clone()])).await;
    for event in read_log(&*log.store()).await {
        assert_same(&event, &looks);
    }
}
