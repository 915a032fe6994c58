//! What the bank does with transfers for its callers: HTTP and the command line are thin over this.

mod answer;
mod error;
mod story;
mod telling;

use std::time::Duration;

use annals::{App, CommandId, ExecuteError, LoadError, Metadata, Sequence};
use tokio::time::Instant;

use crate::bank::BankError;
use crate::instant_transfer::{InstantTransfer, InstantTransferEvent};
use crate::services::BankServices;
use crate::transfer::{Transfer, TransferCommand, TransferEvent, TransferId, TransferOrder};

pub use self::answer::{Mode, TransferAnswer, TransferEntry, TransferState, WaitingFor};
pub use self::error::TransfersError;

use self::story::Story;

/// Pauses between looks at a transfer that is waited for, while the log grows: the first, which is
/// about a flush of the disk, and the longest; each is twice the one before.
///
/// A transfer takes a few flushes. Where many are made at once it takes longer, and as many wait:
/// they must not take the time of the store that the transfers need.
const LOOK_PAUSE_FIRST: Duration = Duration::from_millis(2);
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(50);

/// Under which terms a transfer is asked for.
#[derive(Debug, Clone, Default)]
pub struct TransferTerms {
    /// Names the command, so that it can be repeated: a repeat changes nothing.
    pub command_id: Option<CommandId>,
    /// The sequence the transfer must be at; 0 means that it must not exist.
    pub expected: Option<Sequence>,
    /// What accompanies the events, if it is more than what the caller's context says.
    pub metadata: Option<Metadata>,
}

/// A transfer that was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// As it is now.
    pub transfer: TransferAnswer,
    /// It had been asked for before, under the same command id.
    pub repeated: bool,
}

/// The operations on transfers.
#[derive(Debug, Clone)]
pub struct Transfers {
    app: App<BankServices>,
}

impl Transfers {
    /// Transfers of an application.
    #[must_use]
    pub fn new(app: App<BankServices>) -> Self {
        Self { app }
    }

    /// Has a transfer made by the saga. When this answers, it is on record and will come to its
    /// end.
    ///
    /// # Errors
    ///
    /// [`TransfersError`]. Nothing was written, unless it says otherwise.
    pub async fn ask(
        &self,
        transfer_id: TransferId,
        order: TransferOrder,
        terms: TransferTerms,
    ) -> Result<Asked, TransfersError> {
        let command = TransferCommand::RequestTransfer { transfer_id, order: order.clone() };
        let mut execute = self.app.execute::<Transfer>(&transfer_id, command);
        if let Some(command_id) = terms.command_id {
            execute = execute.command_id(command_id);
        }
        if let Some(sequence) = terms.expected {
            execute = execute.expect_sequence(sequence);
        }
        if let Some(metadata) = terms.metadata {
            execute = execute.context(metadata);
        }
        let executed = execute.await.map_err(TransfersError::of_execution)?;
        let is_same = |event: &TransferEvent| {
            matches!(event, TransferEvent::TransferRequested { transfer_id: id, order: asked, .. }
                if *id == transfer_id && *asked == order)
        };
        if !executed.events.iter().any(is_same) {
            return Err(BankError::CommandIdReused.into());
        }
        let transfer = self.show(transfer_id).await?;
        Ok(Asked { transfer, repeated: executed.repeated })
    }

    /// Makes a transfer in one step: when this answers, it is made.
    ///
    /// # Errors
    ///
    /// [`TransfersError`]. Nothing was written, unless it says otherwise.
    pub async fn make(
        &self,
        transfer_id: TransferId,
        order: TransferOrder,
        terms: TransferTerms,
    ) -> Result<Asked, TransfersError> {
        let mut decide = self.app.decide(InstantTransfer { transfer_id, order: order.clone() });
        if let Some(command_id) = terms.command_id {
            decide = decide.command_id(command_id);
        }
        if let Some(metadata) = terms.metadata {
            decide = decide.context(metadata);
        }
        // It is made if it does not exist, so of all expectations this one alone can hold. The
        // decision sees to it; here it is only told in the words of whoever expected something.
        let expected = terms.expected.unwrap_or_default();
        if expected != Sequence::ZERO {
            self.expect(transfer_id, expected).await?;
        }
        let decided = match decide.await {
            Ok(decided) => decided,
            // What was written under the id is nothing that the decision reads.
            Err(ExecuteError::Load(LoadError::Decode(_))) if terms.command_id.is_some() => {
                return Err(BankError::CommandIdReused.into());
            }
            Err(error) => {
                if terms.expected.is_some() {
                    self.expect(transfer_id, expected).await?;
                }
                return Err(TransfersError::of_decision(error));
            }
        };
        let is_same = |event: &InstantTransferEvent| {
            matches!(event, InstantTransferEvent::Transfer(TransferEvent::TransferMade {
                transfer_id: id, order: made, ..
            }) if *id == transfer_id && *made == order)
        };
        if !decided.events.iter().any(|(_, event)| is_same(event)) {
            return Err(BankError::CommandIdReused.into());
        }
        let transfer = self.show(transfer_id).await?;
        Ok(Asked { transfer, repeated: decided.repeated })
    }

    async fn expect(&self, id: TransferId, expected: Sequence) -> Result<(), TransfersError> {
        let actual = self.app.load::<Transfer>(&id).await?.sequence;
        if actual == expected {
            return Ok(());
        }
        Err(BankError::SequenceMismatch { expected, actual }.into())
    }

    /// A transfer as it is now, and what happened to it.
    ///
    /// # Errors
    ///
    /// [`TransfersError::NotFound`] if there is none.
    pub async fn show(&self, transfer_id: TransferId) -> Result<TransferAnswer, TransfersError> {
        let mut story = Story::new(transfer_id)?;
        story.read_on(&**self.app.store()).await?;
        story.answer()
    }

    /// A transfer as it is when nothing more happens to it by itself, because it has ended or
    /// waits for an operator; or as it is after `within`.
    ///
    /// # Errors
    ///
    /// [`TransfersError::NotFound`] if there is none.
    pub async fn wait(
        &self,
        transfer_id: TransferId,
        within: Duration,
    ) -> Result<TransferAnswer, TransfersError> {
        let deadline = Instant::now() + within;
        let store = &**self.app.store();
        let mut story = Story::new(transfer_id)?;
        let mut pause = LOOK_PAUSE_FIRST;
        loop {
            let through = story.read_on(store).await?;
            let answer = story.answer()?;
            if answer.is_settled() {
                return Ok(answer);
            }
            match tokio::time::timeout_at(deadline, store.wait_past(through)).await {
                Ok(woken) => woken.map_err(LoadError::from)?,
                Err(_) => return Ok(answer),
            };
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_PAUSE_MAX);
        }
    }
}
