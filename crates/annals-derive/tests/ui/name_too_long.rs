use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    #[event(name = "a23456789.123456789.123456789.123456789.123456789.123456789.\
                    123456789.123456789.123456789.123456789.123456789.123456789.123456789")]
    MoneyDeposited,
}

fn main() {}
