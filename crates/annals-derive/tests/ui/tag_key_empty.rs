use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    Opened {
        #[tag(key = "")]
        owner: u32,
    },
}

fn main() {}
