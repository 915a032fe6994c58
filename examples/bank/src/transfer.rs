//! The transfer: money that is to move from one account to another, and what became of that.
//!
//! There are two ways to make one, [`TransferSaga`](crate::transfer_saga::TransferSaga) and
//! [`InstantTransfer`](crate::instant_transfer::InstantTransfer):
//!
//! | | by the saga | in one step |
//! |---|---|---|
//! | What it is | a command for each account | one decision over both |
//! | Done | a moment later, the answer says where to look | with the answer |
//! | In between | the money is on neither account, and on record | there is no in between |
//! | If it cannot be | it is undone, and says why | it is refused, nothing is written |
//! | Reads | the states of the accounts, kept in memory | every event of both accounts |
//! | Gets in its way | nothing: accounts queue their commands | whatever happens to either |
//! | The accounts are | where a command can be repeated by its id | in one log |
//!
//! Take one step where a rule must hold over both accounts at every moment and their histories are
//! short. Take the saga where accounts are busy or old, where a step may take long or need a human,
//! and wherever not everything is in one log.

mod command;
mod error;
mod event;
mod failure;
mod id;
mod order;

use annals::Aggregate;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::services::BankServices;

pub use self::command::TransferCommand;
pub use self::error::TransferError;
pub use self::event::TransferEvent;
pub use self::failure::TransferFailure;
pub use self::id::{TransferId, TransferIdError};
pub use self::order::TransferOrder;

/// What the rules need to know of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transfer {
    /// Nobody has asked for it.
    #[default]
    Unrequested,
    /// It is asked for.
    Requested,
    /// The money has arrived.
    Completed,
    /// It came to nothing: what had moved has been moved back.
    Failed,
}

impl Aggregate for Transfer {
    const TYPE: &'static str = "transfer";

    type Id = TransferId;
    type Command = TransferCommand;
    type Event = TransferEvent;
    type Error = TransferError;
    type Services = BankServices;

    fn command_name(command: &TransferCommand) -> &'static str {
        match command {
            TransferCommand::RequestTransfer { .. } => "RequestTransfer",
            TransferCommand::CompleteTransfer => "CompleteTransfer",
            TransferCommand::FailTransfer { .. } => "FailTransfer",
        }
    }

    fn handle(
        &self,
        command: TransferCommand,
        services: &BankServices,
    ) -> Result<Vec<TransferEvent>, TransferError> {
        let now = services.clock.now();
        let event = match command {
            TransferCommand::RequestTransfer { transfer_id, order } => {
                self.request(transfer_id, order, now)
            }
            TransferCommand::CompleteTransfer => self.complete(now),
            TransferCommand::FailTransfer { failure } => self.fail(failure, now),
        };
        Ok(vec![event?])
    }

    fn apply(&mut self, event: &TransferEvent) {
        *self = match event {
            TransferEvent::TransferRequested { .. } => Self::Requested,
            TransferEvent::TransferMade { .. } | TransferEvent::TransferCompleted { .. } => {
                Self::Completed
            }
            TransferEvent::TransferFailed { .. } => Self::Failed,
        };
    }
}

impl Transfer {
    fn request(
        &self,
        transfer_id: TransferId,
        order: TransferOrder,
        requested_at: DateTime<Utc>,
    ) -> Result<TransferEvent, TransferError> {
        self.check_unrequested()?;
        order.check()?;
        Ok(TransferEvent::TransferRequested { transfer_id, order, requested_at })
    }

    fn complete(&self, completed_at: DateTime<Utc>) -> Result<TransferEvent, TransferError> {
        self.check_under_way()?;
        Ok(TransferEvent::TransferCompleted { completed_at })
    }

    fn fail(
        &self,
        failure: TransferFailure,
        failed_at: DateTime<Utc>,
    ) -> Result<TransferEvent, TransferError> {
        self.check_under_way()?;
        Ok(TransferEvent::TransferFailed { failure, failed_at })
    }

    fn check_under_way(&self) -> Result<(), TransferError> {
        match self {
            Self::Unrequested => Err(TransferError::NotFound),
            Self::Requested => Ok(()),
            Self::Completed | Self::Failed => Err(TransferError::Ended),
        }
    }

    /// Checks that nothing is known of it yet.
    pub(crate) fn check_unrequested(&self) -> Result<(), TransferError> {
        if *self == Self::Unrequested { Ok(()) } else { Err(TransferError::AlreadyRequested) }
    }
}
