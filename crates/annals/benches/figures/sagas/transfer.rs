//! The transfer that a saga makes.

use annals::{
    Aggregate, BoxFuture, Correlation, Dispatch, DispatchCommand, DispatchError, Dispatcher,
    DomainEvent, EventEnvelope, Input, Saga, Steps,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::{Account, Command, Rejection};

/// What a transfer moves, and between which accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Which transfer it is.
    pub(super) transfer: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) amount: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) enum Transfer {
    #[default]
    Unrequested,
    Requested,
    Ended,
}

#[derive(Debug, Clone)]
pub(super) enum TransferCommand {
    Request(Order),
    Complete,
    Fail { reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
pub(super) enum TransferEvent {
    #[event(name = "transfer_requested")]
    Requested(Order),
    #[event(name = "transfer_completed")]
    Completed,
    #[event(name = "transfer_failed")]
    Failed { reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{0}")]
pub(super) struct Refusal(String);

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.to_string())
    }
}

impl Aggregate for Transfer {
    const TYPE: &'static str = "transfer";
    type Id = String;
    type Command = TransferCommand;
    type Event = TransferEvent;
    type Error = Refusal;
    type Services = ();

    fn handle(&self, command: TransferCommand, (): &()) -> Result<Vec<TransferEvent>, Refusal> {
        match (self, command) {
            (Self::Unrequested, TransferCommand::Request(order)) => {
                Ok(vec![TransferEvent::Requested(order)])
            }
            (Self::Requested, TransferCommand::Complete) => Ok(vec![TransferEvent::Completed]),
            (Self::Requested, TransferCommand::Fail { reason }) => {
                Ok(vec![TransferEvent::Failed { reason }])
            }
            _ => Err(Refusal("the transfer is past that".to_owned())),
        }
    }

    fn apply(&mut self, event: &TransferEvent) {
        *self = match event {
            TransferEvent::Requested(_) => Self::Requested,
            TransferEvent::Completed | TransferEvent::Failed { .. } => Self::Ended,
        };
    }
}

/// Withdraws, deposits, completes; refunds if the deposit is refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct TransferSaga(Option<Order>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TransferStep {
    Withdraw { account: String, amount: i64 },
    Deposit { account: String, amount: i64 },
    Refund { account: String, amount: i64 },
    Complete { transfer: String },
    Fail { transfer: String, reason: String },
}

impl Saga for TransferSaga {
    const TYPE: &'static str = "transfer_saga";
    type Event = TransferEvent;
    type Command = TransferStep;
    type Rejection = Refusal;
    type Timer = ();
    type Signal = ();

    fn correlate(event: &EventEnvelope<TransferEvent>) -> Correlation {
        match &event.event {
            TransferEvent::Requested(order) => Correlation::Begins(order.transfer.clone()),
            _ => Correlation::Nobody,
        }
    }

    fn apply(&mut self, input: &Input<Self>) {
        if let Input::Event(TransferEvent::Requested(order)) = input {
            self.0 = Some(order.clone());
        }
    }

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        let steps = Steps::none();
        let Some(Order { transfer, from, to, amount }) = self.0.clone() else { return steps };
        match input {
            Input::Event(_) => {
                let refund = TransferStep::Refund { account: from.clone(), amount };
                let withdraw = TransferStep::Withdraw { account: from, amount };
                steps.dispatch(Dispatch::new(withdraw).compensated_by(refund))
            }
            Input::Succeeded(TransferStep::Withdraw { .. }) => {
                steps.dispatch(TransferStep::Deposit { account: to, amount })
            }
            Input::Succeeded(TransferStep::Deposit { .. }) => {
                steps.dispatch(TransferStep::Complete { transfer }).complete()
            }
            Input::Rejected { rejection, .. } => steps.fail(rejection.to_string()),
            Input::Compensated { reason } => {
                steps.dispatch(TransferStep::Fail { transfer, reason: reason.clone() })
            }
            _ => steps,
        }
    }
}

impl DispatchCommand for TransferStep {
    type Services = ();
    type Rejection = Refusal;

    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, (), Refusal>,
    ) -> BoxFuture<'a, Result<(), DispatchError<Refusal>>> {
        match self {
            Self::Withdraw { account, amount } => {
                to.execute::<Account>(&account, Command::Withdraw { amount })
            }
            Self::Deposit { account, amount } | Self::Refund { account, amount } => {
                to.execute::<Account>(&account, Command::Deposit { amount })
            }
            Self::Complete { transfer } => {
                to.execute::<Transfer>(&transfer, TransferCommand::Complete)
            }
            Self::Fail { transfer, reason } => {
                to.execute::<Transfer>(&transfer, TransferCommand::Fail { reason })
            }
        }
    }
}
