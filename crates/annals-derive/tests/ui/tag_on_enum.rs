use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[tag]
enum Event {
    Opened { owner: u32 },
}

fn main() {}
