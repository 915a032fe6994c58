use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals core")]
enum Event {
    Opened,
}

fn main() {}
