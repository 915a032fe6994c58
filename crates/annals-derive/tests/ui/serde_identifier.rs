use annals_derive::DomainEvent;
use serde::Deserialize;

#[derive(Deserialize, DomainEvent)]
#[serde(variant_identifier)]
enum Event {
    Opened,
}

fn main() {}
