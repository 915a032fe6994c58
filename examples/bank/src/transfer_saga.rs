//! The saga that makes a transfer: withdraw, deposit, complete; refund if the deposit is refused.
//!
//! ```text
//! requested --> withdraw --> deposit --> complete --> completed
//!                  |            |
//!               refused      refused --> refund --> fail --> failed
//!                  |                       |
//!                  +--> fail --> failed    refused --> waits for an operator
//! ```
//!
//! While it waits for an operator the money is on neither account. The log says so: of the events
//! that name the transfer, one has taken it out, and none has put it anywhere. The operator has the
//! refund retried, or abandons the saga and says what became of the money.

mod dispatch;
mod rejection;
mod step;

use annals::{Correlation, Dispatch, EventEnvelope, Input, Saga, Steps};
use serde::{Deserialize, Serialize};

use crate::transfer::{TransferEvent, TransferFailure, TransferId, TransferOrder};

pub use self::rejection::TransferRejection;
pub use self::step::{AccountMove, TransferStep};

/// What the saga knows of the transfer it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferSaga {
    transfer: Option<(TransferId, TransferOrder)>,
    /// Which rule stood in the way.
    failure: Option<TransferFailure>,
}

impl Saga for TransferSaga {
    const TYPE: &'static str = "transfer_saga";

    type Event = TransferEvent;
    type Command = TransferStep;
    type Rejection = TransferRejection;
    type Timer = ();
    type Signal = ();

    /// An instance has the id of its transfer. One that was made in one step needs none.
    fn correlate(event: &EventEnvelope<TransferEvent>) -> Correlation {
        match &event.event {
            TransferEvent::TransferRequested { transfer_id, .. } => {
                Correlation::Begins(transfer_id.to_string())
            }
            TransferEvent::TransferMade { .. }
            | TransferEvent::TransferCompleted { .. }
            | TransferEvent::TransferFailed { .. } => Correlation::Nobody,
        }
    }

    fn apply(&mut self, input: &Input<Self>) {
        match input {
            Input::Event(TransferEvent::TransferRequested { transfer_id, order, .. }) => {
                self.transfer = Some((*transfer_id, order.clone()));
            }
            Input::Rejected { command, rejection } => {
                self.failure = Some(command.failure(rejection));
            }
            _ => {}
        }
    }

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        let Some((transfer_id, order)) = &self.transfer else { return Steps::none() };
        let source = AccountMove {
            transfer_id: *transfer_id,
            account_id: order.from_account_id.clone(),
            amount: order.amount,
        };
        let target = AccountMove { account_id: order.to_account_id.clone(), ..source.clone() };
        match input {
            Input::Event(_) => Steps::none().dispatch(
                Dispatch::new(TransferStep::Withdraw(source.clone()))
                    .compensated_by(TransferStep::Refund(source)),
            ),
            // Taken back only if an operator has the transfer undone at the moment of the deposit:
            // to refund it alone would make money.
            Input::Succeeded(TransferStep::Withdraw(_)) => Steps::none().dispatch(
                Dispatch::new(TransferStep::Deposit(target.clone()))
                    .compensated_by(TransferStep::TakeBack(target)),
            ),
            Input::Succeeded(TransferStep::Deposit(_)) => Steps::none()
                .dispatch(TransferStep::Complete { transfer_id: *transfer_id })
                .complete(),
            Input::Rejected { command, .. } if !matches!(command, TransferStep::Fail { .. }) => {
                Steps::none().fail(self.failure(|| "a step was rejected").reason)
            }
            Input::Compensated { reason } => Steps::none().dispatch(TransferStep::Fail {
                transfer_id: *transfer_id,
                failure: self.failure(|| reason),
            }),
            _ => Steps::none(),
        }
    }
}

impl TransferSaga {
    /// Which transfer an instance makes.
    #[must_use]
    pub fn transfer(&self) -> Option<&(TransferId, TransferOrder)> {
        self.transfer.as_ref()
    }

    /// Why it fails: the rule that stood in the way, else what an operator says.
    fn failure<'a>(&self, reason: impl FnOnce() -> &'a str) -> TransferFailure {
        self.failure.clone().unwrap_or_else(|| TransferFailure {
            code: TransferFailure::COMPENSATED.to_owned(),
            reason: reason().to_owned(),
        })
    }
}
