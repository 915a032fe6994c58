use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(version = 2, upcast = lift)]
    Opened,
}

fn lift(payload: serde_json::Value) -> Result<serde_json::Value, annals_core::BoxError> {
    Ok(payload)
}

fn main() {}
