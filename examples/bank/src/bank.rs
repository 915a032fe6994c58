//! What the bank does for its callers: HTTP and the command line are thin over these operations.

mod answer;
mod error;

use annals::{App, At, CommandId, Executed, LoadError, Loaded, Sequence};

use crate::account::{Account, AccountCommand, AccountEvent, AccountId};
use crate::services::BankServices;

pub use self::answer::{AccountAnswer, CommandAnswer, EventAnswer, HistoryAnswer};
pub use self::error::BankError;

/// The operations on accounts.
#[derive(Debug, Clone)]
pub struct Bank {
    app: App<BankServices>,
}

impl Bank {
    /// A bank on an application.
    #[must_use]
    pub fn new(app: App<BankServices>) -> Self {
        Self { app }
    }

    /// Executes a command.
    ///
    /// With a command id it can be repeated: a repeat changes nothing and gets the first answer.
    ///
    /// # Errors
    ///
    /// [`BankError`]. Nothing was written, save for [`BankError::OutcomeUnknown`].
    pub async fn execute(
        &self,
        id: &AccountId,
        command: AccountCommand,
        command_id: Option<CommandId>,
    ) -> Result<CommandAnswer, BankError> {
        let execute = self.app.execute::<Account>(id, command.clone());
        let executed = match command_id {
            Some(command_id) => execute.command_id(command_id).await?,
            None => execute.await?,
        };
        if executed.repeated && !is_outcome(&command, &executed.events) {
            return Err(BankError::CommandIdReused);
        }
        let state = self.state_after(id, &executed).await?;
        CommandAnswer::new(AccountAnswer::new(id, &state), &executed)
    }

    /// An account as it is, or as it was at a moment.
    ///
    /// # Errors
    ///
    /// [`BankError::NotFound`] if there is no such account; [`BankError::NotOpenedThen`] and
    /// [`BankError::SequenceAhead`] if the moment is before its first event or after its last.
    pub async fn account(
        &self,
        id: &AccountId,
        at: Option<At>,
    ) -> Result<AccountAnswer, BankError> {
        let loaded = match at {
            Some(at) => self.app.load_at::<Account>(id, at).await?,
            None => self.app.load::<Account>(id).await?,
        };
        if loaded.exists() {
            return Ok(AccountAnswer::new(id, &loaded));
        }
        Err(if at.is_some() { BankError::NotOpenedThen } else { BankError::NotFound })
    }

    /// One page of what happened to an account after a sequence, oldest first.
    ///
    /// # Errors
    ///
    /// [`BankError::NotFound`] if there is no such account.
    pub async fn history(
        &self,
        id: &AccountId,
        after: Sequence,
        limit: usize,
    ) -> Result<HistoryAnswer, BankError> {
        let page = self.app.history::<Account>(id, after, limit).await?;
        if page.events.is_empty() {
            self.account(id, None).await?;
        }
        HistoryAnswer::new(id, &page)
    }

    /// The state that a command led to, without what came after it.
    async fn state_after(
        &self,
        id: &AccountId,
        executed: &Executed<AccountEvent>,
    ) -> Result<Loaded<Account>, LoadError> {
        let now = self.app.load::<Account>(id).await?;
        if now.sequence == executed.sequence {
            return Ok(now);
        }
        self.app.load_at::<Account>(id, executed.sequence).await
    }
}

/// Whether the command could have led to these events. If it could not, its id had been used for
/// another command before.
fn is_outcome(command: &AccountCommand, events: &[AccountEvent]) -> bool {
    use AccountCommand as Command;
    use AccountEvent as Event;
    match (command, events) {
        (
            Command::OpenAccount { owner_name, initial_balance },
            [Event::AccountOpened { owner_name: name, initial_balance: balance, .. }],
        ) => owner_name == name && initial_balance == balance,
        (Command::DepositMoney { amount }, [Event::MoneyDeposited { amount: first, .. }])
        | (Command::WithdrawMoney { amount }, [Event::MoneyWithdrawn { amount: first, .. }]) => {
            amount == first
        }
        (Command::CloseAccount, [Event::AccountClosed { .. }]) => true,
        _ => false,
    }
}
