use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[serde(rename = "x", skip_serializing)]
    Opened,
}

fn main() {}
