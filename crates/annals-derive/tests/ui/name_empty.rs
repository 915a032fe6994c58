use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(name = "")]
    MoneyDeposited,
}

fn main() {}
