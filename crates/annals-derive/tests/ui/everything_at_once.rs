use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(version = 0)]
    Opened,
    #[event(name = "money deposited")]
    MoneyDeposited,
    Transferred {
        #[tag("from:")]
        from: u32,
        #[tag("to:")]
        to: u32,
    },
}

fn main() {}
