//! What the bank does with transfers for its callers: HTTP and the command line are thin over this.

mod answer;
mod error;
mod story;
mod telling;

use std::time::Duration;

use annals::{App, CommandId, ExecuteError, LoadError};
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
    /// With a command id it can be repeated: a repeat changes nothing.
    ///
    /// # Errors
    ///
    /// [`TransfersError`]. Nothing was written, unless it says otherwise.
    pub async fn ask(
        &self,
        transfer_id: TransferId,
        order: TransferOrder,
        command_id: Option<CommandId>,
    ) -> Result<TransferAnswer, TransfersError> {
        let command = TransferCommand::RequestTransfer { transfer_id, order: order.clone() };
        let execute = self.app.execute::<Transfer>(&transfer_id, command);
        let execute = match command_id {
            Some(command_id) => execute.command_id(command_id),
            None => execute,
        };
        let executed = execute.await.map_err(TransfersError::of_execution)?;
        let is_same = |event: &TransferEvent| {
            matches!(event, TransferEvent::TransferRequested { transfer_id: id, order: asked, .. }
                if *id == transfer_id && *asked == order)
        };
        if !executed.events.iter().any(is_same) {
            return Err(BankError::CommandIdReused.into());
        }
        self.show(transfer_id).await
    }

    /// Makes a transfer in one step: when this answers, it is made.
    ///
    /// With a command id it can be repeated: a repeat changes nothing.
    ///
    /// # Errors
    ///
    /// [`TransfersError`]. Nothing was written, unless it says otherwise.
    pub async fn make(
        &self,
        transfer_id: TransferId,
        order: TransferOrder,
        command_id: Option<CommandId>,
    ) -> Result<TransferAnswer, TransfersError> {
        let decide = self.app.decide(InstantTransfer { transfer_id, order: order.clone() });
        let decide = match command_id {
            Some(command_id) => decide.command_id(command_id),
            None => decide,
        };
        let decided = match decide.await {
            Ok(decided) => decided,
            // What was written under the id is nothing that the decision reads.
            Err(ExecuteError::Load(LoadError::Decode(_))) if command_id.is_some() => {
                return Err(BankError::CommandIdReused.into());
            }
            Err(error) => return Err(TransfersError::of_decision(error)),
        };
        let is_same = |event: &InstantTransferEvent| {
            matches!(event, InstantTransferEvent::Transfer(TransferEvent::TransferMade {
                transfer_id: id, order: made, ..
            }) if *id == transfer_id && *made == order)
        };
        if !decided.events.iter().any(|(_, event)| is_same(event)) {
            return Err(BankError::CommandIdReused.into());
        }
        self.show(transfer_id).await
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
