use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(DomainEvent)]
#[event(union)]
enum Event {
    Unit,
    Named { inner: Inner },
    Two(Inner, Inner),
    Right(Inner),
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum Inner {
    Opened,
}

fn main() {}
