//! What the bank does for its callers: HTTP and the command line are thin over these operations.

mod answer;
mod error;
mod page_limit;
mod queries;
mod query_answer;
mod query_error;

use annals::{App, At, CommandId, Execute, Executed, LoadError, Loaded, Sequence};

use crate::account::{Account, AccountCommand, AccountEvent, AccountId};
use crate::read_models::QUERIED;
use crate::services::BankServices;

pub use self::answer::{AccountAnswer, CommandAnswer, EventAnswer, HistoryAnswer};
pub use self::error::BankError;
pub use self::page_limit::{PageLimit, PageLimitError};
pub use self::queries::{EntriesAfter, Queries};
pub use self::query_answer::{AccountsPage, QueryAnswer, Statement, StatementsPage};
pub use self::query_error::QueryError;

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

    /// The application that accounts live in.
    #[must_use]
    pub fn app(&self) -> &App<BankServices> {
        &self.app
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
        self.finish(id, command.clone(), self.begin(id, command, command_id)).await
    }

    /// Executes a command, and answers when the read models show what came of it.
    ///
    /// # Errors
    ///
    /// As [`Bank::execute`]; and [`BankError::NotVisible`], although it is executed.
    pub async fn execute_visibly(
        &self,
        id: &AccountId,
        command: AccountCommand,
        command_id: Option<CommandId>,
    ) -> Result<CommandAnswer, BankError> {
        let execute = self.begin(id, command.clone(), command_id);
        let execute = QUERIED.into_iter().fold(execute, Execute::wait_for);
        self.finish(id, command, execute).await
    }

    fn begin(
        &self,
        id: &AccountId,
        command: AccountCommand,
        command_id: Option<CommandId>,
    ) -> Execute<'_, Account> {
        let execute = self.app.execute::<Account>(id, command);
        match command_id {
            Some(command_id) => execute.command_id(command_id),
            None => execute,
        }
    }

    async fn finish(
        &self,
        id: &AccountId,
        command: AccountCommand,
        execute: Execute<'_, Account>,
    ) -> Result<CommandAnswer, BankError> {
        let executed = execute.await?;
        if executed.repeated && !is_outcome(&command, &executed.events) {
            return Err(BankError::CommandIdReused);
        }
        self.answer(id, &executed).await
    }

    /// What to answer to a command that was executed: the account as it was right after it.
    ///
    /// # Errors
    ///
    /// [`BankError`]. The command is executed all the same.
    pub async fn answer(
        &self,
        id: &AccountId,
        executed: &Executed<AccountEvent>,
    ) -> Result<CommandAnswer, BankError> {
        let state = self.state_after(id, executed).await?;
        CommandAnswer::new(AccountAnswer::new(id, &state), executed)
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
