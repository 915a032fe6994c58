//! Several event types read as one.

use annals_core::codec::EventNames as _;
use annals_core::{DecodeProblem, DomainEvent as _, EventKind, Tag, codec};
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{recorded, round_trip};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum AccountEvent {
    Opened {
        #[tag]
        owner: u32,
    },
    #[event(alias = "shut")]
    Closed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core", prefix = "transfer_")]
enum TransferEvent {
    #[event(version = 2, upcast(1 = |payload| Ok(serde_json::json!({ "amount": payload }))))]
    Opened { amount: i64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum OwnerEvent {
    OwnerNamed(String),
}

/// Needs neither `Serialize` nor `Deserialize`.
#[derive(Debug, Clone, PartialEq, DomainEvent)]
#[event(union, crate = "annals_core")]
enum PaymentEvent {
    Account(AccountEvent),
    Transfer(TransferEvent),
}

#[derive(Debug, Clone, PartialEq, DomainEvent)]
#[event(crate = "annals_core", union)]
enum BankEvent {
    Owner(OwnerEvent),
    Payment(PaymentEvent),
}

fn names(kinds: &[&'static EventKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.name).collect()
}

#[test]
fn kinds_of_a_union_are_those_of_its_parts() {
    assert_eq!(names(&PaymentEvent::kinds()), ["opened", "closed", "transfer_opened"]);
    assert_eq!(PaymentEvent::find_kind("shut"), Some(AccountEvent::Closed.kind()));
    assert_eq!(
        PaymentEvent::find_kind("transfer_opened"),
        TransferEvent::find_kind("transfer_opened")
    );
    assert_eq!(PaymentEvent::find_kind("owner_named"), None);
    assert_eq!(PaymentEvent::NAMES, ["opened", "closed", "shut", "transfer_opened"]);
}

#[test]
fn event_of_a_union_is_written_as_the_event_it_wraps() {
    let inner = AccountEvent::Opened { owner: 7 };
    let outer = PaymentEvent::Account(inner.clone());
    let (written, read) = round_trip(&outer);
    assert_eq!(read, outer);
    assert_eq!(written.event_type.as_str(), "opened");
    assert_eq!(written.payload.as_str(), r#"{"owner":7}"#);
    assert_eq!(written.tags, [Tag::parse("owner:7").unwrap()]);
    assert_eq!(codec::decode::<AccountEvent>(&written).unwrap(), inner);
}

#[test]
fn union_reads_the_events_of_every_part() {
    let read = |event_type: &str, version: u32, payload: &str| {
        codec::decode::<PaymentEvent>(&recorded(event_type, version, payload)).unwrap()
    };
    assert_eq!(read("shut", 1, "{}"), PaymentEvent::Account(AccountEvent::Closed));
    let transfer = PaymentEvent::Transfer(TransferEvent::Opened { amount: 5 });
    assert_eq!(read("transfer_opened", 2, r#"{"amount":5}"#), transfer);
    assert_eq!(read("transfer_opened", 1, "5"), transfer);
}

#[test]
fn unions_may_be_parts_of_unions() {
    assert_eq!(names(&BankEvent::kinds()), ["owner_named", "opened", "closed", "transfer_opened"]);
    for event in [
        BankEvent::Owner(OwnerEvent::OwnerNamed("Ada".into())),
        BankEvent::Payment(PaymentEvent::Account(AccountEvent::Closed)),
        BankEvent::Payment(PaymentEvent::Transfer(TransferEvent::Opened { amount: 5 })),
    ] {
        assert_eq!(round_trip(&event).1, event);
    }
}

#[test]
fn event_of_no_part_is_an_error() {
    let unknown = codec::decode::<PaymentEvent>(&recorded("owner_named", 1, "{}")).unwrap_err();
    assert!(matches!(unknown.problem, DecodeProblem::UnknownType));

    let kind = OwnerEvent::find_kind("owner_named").unwrap();
    let foreign = PaymentEvent::read_payload(kind, r#""Ada""#).unwrap_err();
    assert_eq!(foreign.to_string(), "owner_named is not a kind of this union");
}
