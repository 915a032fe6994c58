use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(version = 99999999999999999999999999)]
    Opened,
}

fn main() {}
