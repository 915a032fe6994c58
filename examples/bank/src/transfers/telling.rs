//! What happened to a transfer, in words.

use std::collections::BTreeMap;

use annals::{EventEnvelope, RecordedStep, SagaEvent, SagaEventOf};

use crate::account::{AccountEvent, AccountId};
use crate::money::CURRENCY;
use crate::transfer::{TransferEvent, TransferFailure};
use crate::transfer_saga::{TransferSaga, TransferStep};

/// Puts events into words. It remembers what later events do not say again.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// Where the money comes from.
    source: Option<AccountId>,
    steps: BTreeMap<u32, TransferStep>,
}

impl Teller {
    pub(super) fn transfer(&mut self, envelope: &EventEnvelope<TransferEvent>) -> String {
        if let TransferEvent::TransferRequested { order, .. }
        | TransferEvent::TransferMade { order, .. } = &envelope.event
        {
            self.source = Some(order.from_account_id.clone());
        }
        match &envelope.event {
            TransferEvent::TransferRequested { order, .. } => format!(
                "{} {CURRENCY} are to move from {} to {}",
                order.amount, order.from_account_id, order.to_account_id
            ),
            TransferEvent::TransferMade { order, .. } => format!(
                "{} {CURRENCY} move from {} to {} in one step",
                order.amount, order.from_account_id, order.to_account_id
            ),
            TransferEvent::TransferCompleted { .. } => "the transfer is completed".to_owned(),
            TransferEvent::TransferFailed { failure: TransferFailure { reason, .. }, .. } => {
                format!("the transfer has failed: {reason}")
            }
        }
    }

    pub(super) fn account(&mut self, envelope: &EventEnvelope<AccountEvent>) -> String {
        let account = envelope.stream.aggregate_id();
        let is_source = self.source.as_ref().is_some_and(|source| source.as_str() == account);
        match &envelope.event {
            AccountEvent::MoneyWithdrawn { amount, .. } => {
                let words = if is_source { "withdrawn" } else { "taken back" };
                format!("{amount} {CURRENCY} are {words} from {account}")
            }
            AccountEvent::MoneyDeposited { amount, .. } => {
                let words = if is_source { "refunded" } else { "deposited" };
                format!("{amount} {CURRENCY} are {words} to {account}")
            }
            AccountEvent::AccountOpened { .. } => format!("{account} is opened"),
            AccountEvent::AccountClosed { .. } => format!("{account} is closed"),
        }
    }

    pub(super) fn saga(&mut self, envelope: &EventEnvelope<SagaEventOf<TransferSaga>>) -> String {
        let event = &envelope.event;
        let mut text = self.input(event);
        for step in event.steps() {
            if let RecordedStep::Dispatch { number, command, .. } = step {
                text += &format!("; next: {command}");
                self.steps.insert(*number, command.clone());
            }
        }
        text
    }

    fn input(&self, event: &SagaEventOf<TransferSaga>) -> String {
        match event {
            SagaEvent::EventTaken { .. } => "the saga begins".to_owned(),
            SagaEvent::StepSucceeded { step, .. } => format!("done: {}", self.step(*step)),
            SagaEvent::StepRejected { step, rejection, .. } => {
                format!("refused: {}: {rejection}", self.step(*step))
            }
            SagaEvent::StepCancelled { step, .. } => format!("called off: {}", self.step(*step)),
            SagaEvent::StepOverdue { step, .. } => format!("late: {}", self.step(*step)),
            SagaEvent::StepParked { step, error, .. } => {
                format!("waits for an operator: {}: {error}", self.step(*step))
            }
            SagaEvent::TimerFired { .. } => "a timer was due".to_owned(),
            SagaEvent::SignalTaken { by, .. } => format!("{by} tells it something"),
            SagaEvent::Compensated { .. } => "everything that was done is undone".to_owned(),
            SagaEvent::CompensationOrdered { by, why, .. } => {
                format!("{by} orders it to be undone: {why}")
            }
            SagaEvent::RetryOrdered { by, why, .. } => format!("{by} orders another try: {why}"),
            SagaEvent::Abandoned { by, why, .. } => format!("{by} abandons it: {why}"),
        }
    }

    fn step(&self, number: u32) -> String {
        self.steps.get(&number).map_or_else(|| format!("step {number}"), ToString::to_string)
    }
}
