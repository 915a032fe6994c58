//! What is written, and that `serde`'s attributes keep their meaning.

use annals_core::{DecodeProblem, codec};
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{recorded, round_trip};

#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum Event {
    Struct {
        amount: i64,
    },
    Unit,
    Newtype(i64),
    Tuple(i64, String),
    NoFields {},
    #[serde(rename = "renamed", rename_all = "camelCase")]
    Attributes {
        owner_name: String,
        #[serde(rename = "sum")]
        initial_balance: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(with = "hex")]
        colour: u32,
        #[serde(flatten)]
        more: More,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct More {
    branch: u64,
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
    pub(super) fn serialize<S: Serializer>(number: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{number:06x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(from)?, 16).map_err(serde::de::Error::custom)
    }
}

#[test]
fn payload_is_exactly_the_fields() {
    for (event, payload) in [
        (Event::Struct { amount: 5 }, r#"{"amount":5}"#),
        (Event::Unit, "{}"),
        (Event::Newtype(5), "5"),
        (Event::Tuple(5, "x".into()), r#"[5,"x"]"#),
        (Event::NoFields {}, "{}"),
    ] {
        let (recorded, read) = round_trip(&event);
        assert_eq!(recorded.payload.as_str(), payload);
        assert_eq!(read, event);
    }
}

#[test]
fn serde_attributes_keep_their_meaning() {
    let event = Event::Attributes {
        owner_name: "Ada".into(),
        initial_balance: 7,
        note: None,
        colour: 0xff_8000,
        more: More { branch: 9 },
    };
    let (recorded, read) = round_trip(&event);
    assert_eq!(
        recorded.payload.as_str(),
        r#"{"ownerName":"Ada","sum":7,"colour":"ff8000","branch":9}"#
    );
    assert_eq!(read, event);
}

#[test]
fn name_in_the_log_is_independent_of_serdes_name() {
    let payload = r#"{"ownerName":"Ada","sum":7,"colour":"000001","branch":1}"#;
    assert!(codec::decode::<Event>(&recorded("attributes", 1, payload)).is_ok());
    let error = codec::decode::<Event>(&recorded("renamed", 1, payload)).unwrap_err();
    assert!(matches!(error.problem, DecodeProblem::UnknownType));
}

#[test]
fn fields_that_came_later_may_have_defaults() {
    let payload = r#"{"ownerName":"Ada","sum":7,"colour":"000001","branch":1}"#;
    let read: Event = codec::decode(&recorded("attributes", 1, payload)).unwrap();
    assert!(matches!(read, Event::Attributes { note: None, colour: 1, .. }));
}

#[test]
fn float_without_a_json_form_is_refused_before_it_is_written() {
    #[derive(Serialize, Deserialize, DomainEvent)]
    #[event(crate = "annals_core")]
    enum Measured {
        Weight { grams: f64 },
    }
    let stream = annals_core::StreamId::new("scale", "1").unwrap();
    let encode = |grams| {
        let metadata = annals_core::Json::empty_object();
        codec::encode(&stream, &Measured::Weight { grams }, &metadata)
    };
    assert!(encode(0.1).is_ok());
    assert!(matches!(encode(f64::NAN), Err(annals_core::JsonError::Syntax { .. })));
}
