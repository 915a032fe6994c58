use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(name = "opened", version = 2)]
    #[event(name = "begun")]
    Opened,
}

fn main() {}
