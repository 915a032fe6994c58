use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(alias = "opened")]
    Opened,
}

fn main() {}
