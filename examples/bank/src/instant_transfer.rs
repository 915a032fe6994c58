//! A transfer in one step: one decision over both accounts.
//!
//! When to take this and when the saga is said at [`transfer`](crate::transfer).

use annals::{
    Aggregate, Decision, DomainEvent, EventEnvelope, EventQuery, LimitError, QueryItem, StreamId,
};
use thiserror::Error;

use crate::account::{Account, AccountCommand, AccountError, AccountEvent, AccountId};
use crate::services::BankServices;
use crate::transfer::{
    Transfer, TransferError, TransferEvent, TransferFailure, TransferId, TransferOrder,
};

/// A transfer in one step. The events on both accounts and that of the transfer are written
/// together, if nothing happens to any of the three meanwhile; else it is decided again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantTransfer {
    /// Which transfer it is to be.
    pub transfer_id: TransferId,
    /// What is to move.
    pub order: TransferOrder,
}

/// What it reads and writes.
#[derive(Debug, Clone, PartialEq, Eq, DomainEvent)]
#[event(union)]
pub enum InstantTransferEvent {
    /// Of either account.
    Account(AccountEvent),
    /// Of the transfer.
    Transfer(TransferEvent),
}

/// What it needs to know: both accounts, and whether the transfer has been made.
#[derive(Debug, Default)]
pub struct Parties {
    from: Account,
    to: Account,
    transfer: Transfer,
}

/// The rule that forbids it. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstantTransferError {
    /// Nothing can be taken from the account it was to come from.
    #[error("{}", TransferFailure::of_source(account_id, rejection).reason)]
    Source {
        /// Which account.
        account_id: AccountId,
        /// Why.
        rejection: AccountError,
    },
    /// Nothing can be paid into the account it was to go to.
    #[error("{}", TransferFailure::of_target(account_id, rejection).reason)]
    Target {
        /// Which account.
        account_id: AccountId,
        /// Why.
        rejection: AccountError,
    },
    /// It is no transfer, or was made before.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl Decision for InstantTransfer {
    type Event = InstantTransferEvent;
    type State = Parties;
    type Error = InstantTransferError;
    type Services = BankServices;

    fn query(&self) -> Result<EventQuery, LimitError> {
        let [from, to, transfer] = self.streams();
        EventQuery::any_of([QueryItem::new().stream(from).stream(to).stream(transfer)])
    }

    fn apply(&self, parties: &mut Parties, event: &EventEnvelope<InstantTransferEvent>) {
        match &event.event {
            InstantTransferEvent::Transfer(event) => parties.transfer.apply(event),
            InstantTransferEvent::Account(account) => {
                let id = event.stream.aggregate_id();
                if id == self.order.from_account_id.as_str() {
                    parties.from.apply(account);
                }
                if id == self.order.to_account_id.as_str() {
                    parties.to.apply(account);
                }
            }
        }
    }

    fn decide(
        &self,
        parties: &Parties,
        services: &BankServices,
    ) -> Result<Vec<(StreamId, InstantTransferEvent)>, InstantTransferError> {
        let Self { transfer_id, order } = self;
        parties.transfer.check_unrequested()?;
        order.check()?;
        let (transfer_id, amount) = (*transfer_id, order.amount);
        let out = AccountCommand::TransferOut { transfer_id, amount };
        let out = parties.from.handle(out, services).map_err(|rejection| {
            InstantTransferError::Source { account_id: order.from_account_id.clone(), rejection }
        })?;
        let into = AccountCommand::TransferIn { transfer_id, amount };
        let into = parties.to.handle(into, services).map_err(|rejection| {
            InstantTransferError::Target { account_id: order.to_account_id.clone(), rejection }
        })?;
        let made_at = services.clock.now();
        let made = TransferEvent::TransferMade { transfer_id, order: order.clone(), made_at };
        let [from, to, transfer] = self.streams();
        let mut events = vec![(transfer, InstantTransferEvent::Transfer(made))];
        events.extend(out.into_iter().map(|it| (from.clone(), InstantTransferEvent::Account(it))));
        events.extend(into.into_iter().map(|it| (to.clone(), InstantTransferEvent::Account(it))));
        Ok(events)
    }
}

impl InstantTransfer {
    /// Of the account it comes from, of the account it goes to, and of the transfer.
    fn streams(&self) -> [StreamId; 3] {
        let Self { transfer_id, order } = self;
        [
            stream::<Account>(&order.from_account_id),
            stream::<Account>(&order.to_account_id),
            stream::<Transfer>(transfer_id),
        ]
    }
}

fn stream<A: Aggregate>(id: &A::Id) -> StreamId {
    StreamId::new(A::TYPE, id.to_string()).expect("the ids of the bank are within the limits")
}
