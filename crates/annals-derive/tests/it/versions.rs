//! Older events, renamed events, and events that do not decode.

use std::error::Error;

use annals_core::{BoxError, DecodeError, DecodeProblem, codec};
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::recorded;

#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum AccountEvent {
    /// Version 1 had a name in one piece, version 2 no country.
    #[event(
        version = 3,
        alias = "opened",
        upcast(2 = lift::add_country, 1 = lift::split_name),
    )]
    AccountOpened { first: String, last: String, country: String },
    /// Version 1 can no longer be read.
    #[event(version = 3, upcast(2 = |payload| Ok(payload)))]
    MoneyDeposited { amount: i64 },
}

mod lift {
    use super::{BoxError, Value, json};

    pub(super) fn split_name(payload: Value) -> Result<Value, BoxError> {
        let name = payload.get("name").and_then(Value::as_str).ok_or("no name")?;
        let (first, last) = name.split_once(' ').ok_or("a name of one word")?;
        Ok(json!({ "first": first, "last": last }))
    }

    pub(super) fn add_country(mut payload: Value) -> Result<Value, BoxError> {
        let fields = payload.as_object_mut().ok_or("not an object")?;
        fields.insert("country".to_owned(), json!("CZ"));
        Ok(payload)
    }
}

fn decode(event_type: &str, version: u32, payload: &str) -> Result<AccountEvent, DecodeError> {
    codec::decode(&recorded(event_type, version, payload))
}

fn refused(event_type: &str, version: u32, payload: &str) -> DecodeError {
    let error = decode(event_type, version, payload).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("event {event_type} version {version} at position 7 does not decode")
    );
    error
}

fn ada(country: &str) -> AccountEvent {
    AccountEvent::AccountOpened {
        first: "Ada".into(),
        last: "Lovelace".into(),
        country: country.into(),
    }
}

#[test]
fn older_versions_pass_through_every_upcaster_from_theirs_on() {
    let newest = r#"{"first":"Ada","last":"Lovelace","country":"GB"}"#;
    assert_eq!(decode("account_opened", 3, newest).unwrap(), ada("GB"));
    let second = r#"{"first":"Ada","last":"Lovelace"}"#;
    assert_eq!(decode("account_opened", 2, second).unwrap(), ada("CZ"));
    let first = r#"{"name":"Ada Lovelace"}"#;
    assert_eq!(decode("account_opened", 1, first).unwrap(), ada("CZ"));
}

#[test]
fn alias_decodes_like_the_name_upcasters_included() {
    assert_eq!(decode("opened", 1, r#"{"name":"Ada Lovelace"}"#).unwrap(), ada("CZ"));
}

#[test]
fn unknown_type_is_an_error_that_names_the_event() {
    let error = refused("account_moved", 1, "{}");
    assert!(matches!(error.problem, DecodeProblem::UnknownType));
}

#[test]
fn newer_version_is_an_error_that_says_what_is_known() {
    let error = refused("account_opened", 4, "{}");
    assert!(matches!(error.problem, DecodeProblem::NewerVersion { known: 3 }));
}

#[test]
fn missing_upcaster_is_an_error_that_says_where_the_way_ends() {
    assert!(decode("money_deposited", 2, r#"{"amount":5}"#).is_ok());
    let error = refused("money_deposited", 1, r#"{"amount":5}"#);
    assert!(matches!(error.problem, DecodeProblem::NoUpcaster { from_version: 1 }));
}

#[test]
fn failing_upcaster_is_an_error_that_keeps_its_reason() {
    let error = refused("account_opened", 1, r#"{"name":"Ada"}"#);
    assert!(matches!(error.problem, DecodeProblem::Upcast { from_version: 1, .. }));
    let reason = error.source().and_then(Error::source).map(ToString::to_string);
    assert_eq!(reason.as_deref(), Some("a name of one word"));
}

#[test]
fn payload_of_another_form_is_an_error_that_names_the_field() {
    for payload in [r#"{"first":"Ada","last":"Lovelace"}"#, "[]", "null", r#""country""#] {
        let error = refused("account_opened", 3, payload);
        assert!(matches!(error.problem, DecodeProblem::Payload(_)), "{payload}");
    }
    let error = refused("account_opened", 3, r#"{"first":"Ada","last":"Lovelace"}"#);
    let reason = error.source().and_then(Error::source).map(ToString::to_string);
    assert!(reason.is_some_and(|reason| reason.contains("country")));
}
