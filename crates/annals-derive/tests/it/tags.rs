//! Fields that say what an event is about.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use annals_core::limits::{EVENT_TAGS_MAX, TAG_BYTES_MAX};
use annals_core::{DomainEvent as _, LimitError, Tag, codec};
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::round_trip;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OwnerId(u64);

impl fmt::Display for OwnerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "owner-{}", self.0)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum Event {
    Opened {
        #[tag]
        #[serde(rename = "ownerId")]
        owner: OwnerId,
        #[tag]
        branch: Option<u32>,
        amount: i64,
    },
    Transferred {
        #[tag("account")]
        from: String,
        #[tag(key = "account")]
        to: String,
        #[tag]
        r#type: std::option::Option<Box<str>>,
    },
    Grouped {
        #[tag]
        many: Vec<OwnerId>,
        #[tag]
        sorted: BTreeSet<u8>,
        #[tag]
        unsorted: HashSet<u8>,
    },
    Moved(#[tag("branch")] u32, String, #[tag("owner")] Option<OwnerId>),
    Closed,
}

fn tags(event: &Event) -> Vec<String> {
    event.tags().unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn tag_is_the_fields_name_and_its_displayed_value() {
    let event = Event::Opened { owner: OwnerId(7), branch: Some(3), amount: 5 };
    assert_eq!(tags(&event), ["owner:owner-7", "branch:3"]);
}

#[test]
fn absent_value_is_no_tag() {
    let event = Event::Opened { owner: OwnerId(7), branch: None, amount: 5 };
    assert_eq!(tags(&event), ["owner:owner-7"]);
}

#[test]
fn fields_may_share_a_key_and_have_their_own() {
    let event = Event::Transferred { from: "a".into(), to: "b".into(), r#type: None };
    assert_eq!(tags(&event), ["account:a", "account:b"]);
    let event =
        Event::Transferred { from: "a".into(), to: "b".into(), r#type: Some("urgent".into()) };
    assert_eq!(tags(&event), ["account:a", "account:b", "type:urgent"]);
}

#[test]
fn collection_is_one_tag_for_each_item() {
    let event = Event::Grouped {
        many: vec![OwnerId(2), OwnerId(1)],
        sorted: BTreeSet::from([4, 3]),
        unsorted: HashSet::from([5]),
    };
    assert_eq!(
        tags(&event),
        ["many:owner-2", "many:owner-1", "sorted:3", "sorted:4", "unsorted:5"]
    );
}

#[test]
fn type_that_a_macro_was_given_is_still_recognised() {
    macro_rules! event {
        ($field:ty) => {
            #[derive(Serialize, Deserialize, DomainEvent)]
            #[event(crate = "annals_core")]
            enum Generated {
                Moved(#[tag("branch")] $field),
            }
        };
    }
    event!(Option<u32>);
    assert_eq!(Generated::Moved(Some(3)).tags().unwrap()[0].as_str(), "branch:3");
    assert_eq!(Generated::Moved(None).tags().unwrap(), []);
}

#[test]
fn fields_without_names_are_tags_under_their_keys() {
    assert_eq!(
        tags(&Event::Moved(3, "Prague".into(), Some(OwnerId(1)))),
        ["branch:3", "owner:owner-1"]
    );
    assert_eq!(tags(&Event::Moved(3, "Prague".into(), None)), ["branch:3"]);
}

#[test]
fn variant_without_tags_has_none() {
    assert_eq!(tags(&Event::Closed), [""; 0]);
}

#[test]
fn tags_are_recorded_and_leave_the_payload_as_it_is() {
    let event = Event::Opened { owner: OwnerId(7), branch: None, amount: 5 };
    let (recorded, read) = round_trip(&event);
    assert_eq!(recorded.tags, [Tag::parse("owner:owner-7").unwrap()]);
    assert_eq!(recorded.payload.as_str(), r#"{"ownerId":7,"branch":null,"amount":5}"#);
    assert_eq!(read, event);
}

#[test]
fn value_that_does_not_fit_into_a_tag_is_an_error_before_anything_is_written() {
    let transfer = |to: &str| Event::Transferred { from: "a".into(), to: to.into(), r#type: None };
    assert!(matches!(transfer("").tags(), Err(LimitError::Empty { .. })));
    assert!(matches!(transfer("a\nb").tags(), Err(LimitError::Character { .. })));
    assert!(matches!(transfer(&"x".repeat(300)).tags(), Err(LimitError::TooLong { .. })));

    let stream = annals_core::StreamId::new("transfer", "1").unwrap();
    let metadata = annals_core::Json::empty_object();
    assert!(matches!(
        codec::encode(&stream, &transfer(""), &metadata),
        Err(annals_core::JsonError::Limit(LimitError::Empty { .. }))
    ));
}

/// The derive repeats the bounds of the core. One tag more is refused, see `ui`.
#[test]
fn most_tags_and_longest_key_are_those_of_the_core() {
    #[derive(Serialize, Deserialize, DomainEvent)]
    #[event(crate = "annals_core")]
    enum Extreme {
        Most(
            #[tag("a")] u8,
            #[tag("b")] u8,
            #[tag("c")] u8,
            #[tag("d")] u8,
            #[tag("e")] u8,
            #[tag("f")] u8,
            #[tag("g")] u8,
            #[tag("h")] u8,
            #[tag("i")] u8,
            #[tag("j")] u8,
            #[tag("k")] u8,
            #[tag("l")] u8,
            #[tag("m")] u8,
            #[tag("n")] u8,
            #[tag("o")] u8,
            #[tag("p")] u8,
        ),
        Longest(
            #[tag(
                "a23456789-123456789-123456789-123456789-123456789-123456789-123456789-\
                   123456789-123456789-123456789-123456789-123456789-123456789-123456789-\
                   123456789-123456789-123456789-123456789-123456789-123456789-123456789-\
                   123456789-123456789-123456789-123456789-123"
            )]
            u8,
        ),
    }
    let most = Extreme::Most(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    assert_eq!(most.tags().unwrap().len(), EVENT_TAGS_MAX);
    let longest = Extreme::Longest(1).tags().unwrap();
    assert_eq!(longest[0].as_str().len(), TAG_BYTES_MAX);
}
