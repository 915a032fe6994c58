use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    Opened,
    #[event(alias = "opened")]
    Reopened,
}

fn main() {}
