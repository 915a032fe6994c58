use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(prefix = "a.", prefix = "b.")]
enum Event {
    Opened,
}

fn main() {}
