use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[serde(rename_all = "camelCase", tag = "type", content = "value")]
enum Event {
    Opened { amount: i64 },
}

fn main() {}
