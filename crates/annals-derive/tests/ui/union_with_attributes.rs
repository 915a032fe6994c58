use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(DomainEvent)]
#[event(union)]
enum Event {
    #[event(name = "inner")]
    OnVariant(Inner),
    OnField(#[tag("inner")] Inner),
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum Inner {
    Opened,
}

fn main() {}
