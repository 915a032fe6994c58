use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    Opened,
    #[serde(untagged)]
    Unknown(i64),
}

fn main() {}
