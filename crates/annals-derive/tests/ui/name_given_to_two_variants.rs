use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    MoneyDeposited,
    #[event(name = "money_deposited")]
    CashDeposited,
}

fn main() {}
