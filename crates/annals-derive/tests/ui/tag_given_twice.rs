use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    Opened {
        #[tag]
        #[tag("owner_id")]
        owner: u32,
    },
}

fn main() {}
