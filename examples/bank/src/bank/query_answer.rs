//! What queries are answered with: the same JSON over HTTP and on the command line.

use annals::{ConsistencyToken, Position, Seen};
use serde::Serialize;

use crate::account::AccountId;
use crate::account_statement::{Entry, Month, MonthTotals};
use crate::account_summary::{AccountCursor, AccountSummaryRow};

/// What was asked for, and how new it is.
#[derive(Debug, Clone, Serialize)]
pub struct QueryAnswer<T> {
    /// What was asked for.
    #[serde(flatten)]
    pub value: T,
    /// All events up to here are taken into account, save for those behind dead letters.
    pub position: Position,
    /// Presented to another query, it is not answered from anything older.
    pub consistency_token: ConsistencyToken,
}

impl<T> QueryAnswer<T> {
    pub(super) fn new(seen: Seen<T>) -> Self {
        let Seen { value, log_id, position, .. } = seen;
        Self { value, position, consistency_token: ConsistencyToken { log_id, position } }
    }
}

/// A page of accounts.
#[derive(Debug, Clone, Serialize)]
pub struct AccountsPage {
    /// Accounts that are active, newest first.
    pub accounts: Vec<AccountSummaryRow>,
    /// The next page comes after this; none if this was the last.
    pub next_after: Option<AccountCursor>,
}

/// A page of the periods in which something moved on an account.
#[derive(Debug, Clone, Serialize)]
pub struct StatementsPage {
    /// Which account.
    pub account_id: AccountId,
    /// The currency of all balances.
    pub currency: &'static str,
    /// Months, newest first.
    pub periods: Vec<MonthTotals>,
    /// The next page comes after this; none if this was the last.
    pub next_after: Option<Month>,
}

/// A page of what moved on an account in a period.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// Which account.
    pub account_id: AccountId,
    /// The currency of all amounts.
    pub currency: &'static str,
    /// The period as a whole.
    #[serde(flatten)]
    pub totals: MonthTotals,
    /// Its entries, oldest first.
    pub entries: Vec<Entry>,
    /// Whether there are more after the last of them.
    pub has_more: bool,
}
