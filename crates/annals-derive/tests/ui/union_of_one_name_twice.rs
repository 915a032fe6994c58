use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(DomainEvent)]
#[event(union, crate = "annals_core")]
enum BankEvent {
    Account(AccountEvent),
    Transfer(TransferEvent),
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum AccountEvent {
    Opened,
    #[event(alias = "finished")]
    Closed,
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum TransferEvent {
    Started,
    Finished,
}

fn main() {}
