use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(version = 65_536)]
    Opened,
}

fn main() {}
