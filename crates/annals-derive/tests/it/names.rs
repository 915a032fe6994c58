//! Names, aliases and bounds.

use annals_core::limits::{EVENT_TYPE_BYTES_MAX, EVENT_VERSION_MAX};
use annals_core::{DomainEvent as _, EventType, codec};
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum AccountEvent {
    MoneyDeposited {
        amount: i64,
    },
    #[event(name = "Account-Closed:v.1", alias = "account_closed")]
    #[event(alias = "closed", version = 3)]
    Closed,
    IBANChanged(String),
}

fn names<E: annals_core::DomainEvent>() -> Vec<&'static str> {
    E::kinds().iter().map(|kind| kind.name).collect()
}

#[test]
fn kinds_have_names_versions_and_aliases_in_the_order_of_declaration() {
    let kinds: Vec<_> = AccountEvent::kinds()
        .iter()
        .map(|kind| (kind.variant, kind.name, kind.version, kind.aliases))
        .collect();
    assert_eq!(
        kinds,
        [
            (0, "money_deposited", 1, [].as_slice()),
            (1, "Account-Closed:v.1", 3, ["account_closed", "closed"].as_slice()),
            (2, "iban_changed", 1, [].as_slice()),
        ]
    );
}

#[test]
fn kind_of_an_event_is_the_kind_found_by_its_name() {
    for event in [
        AccountEvent::MoneyDeposited { amount: 1 },
        AccountEvent::Closed,
        AccountEvent::IBANChanged("DE".into()),
    ] {
        assert_eq!(AccountEvent::find_kind(event.kind().name), Some(event.kind()));
    }
    assert_eq!(AccountEvent::find_kind("closed"), Some(AccountEvent::Closed.kind()));
    assert_eq!(AccountEvent::find_kind("Closed"), None);
    assert_eq!(AccountEvent::find_kind(""), None);
}

#[test]
fn query_for_the_type_asks_for_names_and_aliases() {
    let types = codec::event_types::<AccountEvent>().unwrap();
    let types: Vec<_> = types.iter().map(EventType::as_str).collect();
    assert_eq!(
        types,
        ["money_deposited", "Account-Closed:v.1", "account_closed", "closed", "iban_changed"]
    );
}

#[test]
fn prefix_stands_before_names_made_from_variants_only() {
    #[derive(Serialize, Deserialize, DomainEvent)]
    #[event(crate = "annals_core", prefix = "account.")]
    enum Prefixed {
        Opened,
        #[event(name = "closed", alias = "shut")]
        Closed,
    }
    assert_eq!(names::<Prefixed>(), ["account.opened", "closed"]);
    assert_eq!(Prefixed::Closed.kind().aliases, ["shut"]);
    assert_eq!(Prefixed::Opened.kind().name, "account.opened");
}

#[test]
fn raw_identifiers_lose_their_mark() {
    #[derive(Serialize, Deserialize, DomainEvent)]
    #[event(crate = "annals_core")]
    #[expect(non_camel_case_types, reason = "the point of the test")]
    enum Raw {
        r#move,
    }
    assert_eq!(names::<Raw>(), ["move"]);
    assert_eq!(Raw::r#move.kind().variant, 0);
}

/// The derive repeats the bounds of the core. One byte or version more is refused, see `ui`.
#[test]
fn longest_name_and_highest_version_are_those_of_the_core() {
    #[derive(Serialize, Deserialize, DomainEvent)]
    #[event(crate = "annals_core")]
    enum Extreme {
        #[event(
            name = "a23456789.123456789.123456789.123456789.123456789.123456789.\
                    123456789.123456789.123456789.123456789.123456789.123456789.12345678",
            version = 65535
        )]
        Longest,
    }
    let kind = Extreme::Longest.kind();
    assert_eq!(kind.name.len(), EVENT_TYPE_BYTES_MAX);
    assert!(EventType::new(kind.name).is_ok());
    assert_eq!(kind.version, EVENT_VERSION_MAX);
}
