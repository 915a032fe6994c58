use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(DomainEvent)]
#[event(union, prefix = "bank.")]
enum Event {
    Inner(Inner),
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum Inner {
    Opened,
}

fn main() {}
