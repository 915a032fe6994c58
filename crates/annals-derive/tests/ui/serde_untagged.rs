use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[serde(untagged)]
enum Event {
    Opened { amount: i64 },
}

fn main() {}
