//! Executes the rows of some accounts, one after the other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use annals::{App, BoxError, CorrelationId, EventStore, ExecuteError, Metadata};

use crate::account::{Account, AccountError, AccountId};
use crate::import::{ImportError, ImportRefusals, RefuseRow, Report, Row};
use crate::money::Total;
use crate::services::BankServices;

/// A row and where it stands in the file.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) row: Row,
}

/// What became of the rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) accounts: u64,
    pub(super) recorded: u64,
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
    pub(super) total_balance: Total,
}

impl Tally {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            accounts: self.accounts + other.accounts,
            recorded: self.recorded + other.recorded,
            duplicates: self.duplicates + other.duplicates,
            rejected: self.rejected + other.rejected,
            total_balance: self.total_balance.plus(other.total_balance),
        }
    }
}

/// Executes the rows of those accounts that are its own.
#[derive(Debug)]
pub(super) struct Worker {
    app: App<BankServices>,
    report: Report,
    /// All events of one import share it.
    import: CorrelationId,
    accounts: HashMap<AccountId, Known>,
    tally: Tally,
}

/// What is known of an account.
#[derive(Debug)]
struct Known {
    /// It has events now.
    exists: bool,
    /// It had events before this import, so some of its rows may be in the log already.
    existed: bool,
    /// Its rows that were refused by an earlier import.
    refusals: ImportRefusals,
}

/// What became of a row.
enum Outcome {
    Recorded,
    Duplicate,
    RejectedNow(AccountError),
    RejectedBefore(String),
}

impl Worker {
    pub(super) fn new(app: App<BankServices>, report: Report, import: CorrelationId) -> Self {
        Self { app, report, import, accounts: HashMap::new(), tally: Tally::default() }
    }

    /// Executes a row. Rows of one account must come in the order of the file.
    pub(super) async fn import(&mut self, job: Job) -> Result<(), ImportError> {
        let Job { number, row } = job;
        let outcome = self.execute(number, &row).await;
        match outcome.map_err(|source| ImportError::Log { line: number, source })? {
            Outcome::Recorded => self.tally.recorded += 1,
            Outcome::Duplicate => self.tally.duplicates += 1,
            Outcome::RejectedNow(rejection) => {
                self.tally.rejected += 1;
                self.report.rejected(number, &format_args!("{}: {rejection}", rejection.code()));
            }
            Outcome::RejectedBefore(code) => {
                self.tally.rejected += 1;
                self.report.rejected(number, &format_args!("{code} (by an earlier import)"));
            }
        }
        Ok(())
    }

    /// The tally, with the balances of all accounts that rows were about.
    pub(super) async fn finish(mut self) -> Result<Tally, ImportError> {
        self.tally.accounts = self.accounts.len() as u64;
        for id in self.accounts.keys() {
            let loaded = self.app.load::<Account>(id).await.map_err(ImportError::Balances)?;
            self.tally.total_balance = self.tally.total_balance.plus(loaded.state.balance());
        }
        Ok(self.tally)
    }

    async fn execute(&mut self, number: u64, row: &Row) -> Result<Outcome, BoxError> {
        let known = match self.accounts.entry(row.account_id.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(find(&self.app, &row.account_id).await?),
        };
        if let Some(reason) = known.refusals.reason(row.id) {
            return Ok(Outcome::RejectedBefore(reason.to_owned()));
        }
        // Executing would find out as well, but would replay the account for it.
        if known.existed && self.app.store().find_command(row.id).await?.is_some() {
            return Ok(Outcome::Duplicate);
        }
        let context = context(number, row, self.import);
        let execute = self.app.execute::<Account>(&row.account_id, row.command(known.exists));
        match execute.command_id(row.id).context(context.clone()).await {
            Ok(executed) if executed.repeated => Ok(Outcome::Duplicate),
            Ok(_) => {
                known.exists = true;
                Ok(Outcome::Recorded)
            }
            Err(ExecuteError::Rejected(rejection)) => {
                let refuse = RefuseRow { row: row.clone(), reason: rejection.code() };
                // Before the next row of the account: once a later row is in the log, an import
                // that continues could no longer decide this one as it was decided now.
                let record = self.app.execute::<ImportRefusals>(&row.account_id, refuse);
                record.context(context).await?;
                Ok(Outcome::RejectedNow(rejection))
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn find(app: &App<BankServices>, id: &AccountId) -> Result<Known, BoxError> {
    let exists = app.load::<Account>(id).await?.exists();
    let refusals = app.load::<ImportRefusals>(id).await?.state;
    Ok(Known { exists, existed: exists, refusals })
}

/// What the domain has no place for and an auditor wants to know.
fn context(number: u64, row: &Row, import: CorrelationId) -> Metadata {
    Metadata::default()
        .correlation_id(import)
        .header("import_line", number.to_string())
        .header("trans_id", row.trans_id.to_string())
        .header("date", row.date.to_string())
}
