//! Derived code passes the strictest lints of the crate it stands in.

#![deny(
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::absolute_paths,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::implicit_return,
    clippy::indexing_slicing,
    clippy::pattern_type_mismatch,
    clippy::question_mark_used,
    clippy::std_instead_of_alloc
)]

use annals_core::codec::decode;
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::recorded;

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
#[non_exhaustive]
pub(crate) enum Public {
    #[deprecated = "no longer produced"]
    Old {
        #[tag]
        id: Option<u8>,
        #[tag]
        many: Vec<u8>,
    },
    New(#[tag("id")] u8),
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum Private {
    OnlyOne,
}

#[derive(DomainEvent)]
#[event(crate = "annals_core", union)]
enum Both {
    #[deprecated = "no longer produced"]
    Public(Public),
    Private(Private),
}

#[test]
fn deprecated_kinds_can_still_be_read() {
    let payload = r#"{"id":1,"many":[2]}"#;
    assert!(decode::<Both>(&recorded("old", 1, payload)).is_ok());
}
