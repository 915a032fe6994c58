use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(prefix = "account/")]
enum Event {
    Opened,
}

fn main() {}
