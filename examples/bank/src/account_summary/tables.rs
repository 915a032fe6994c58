//! What queries ask of the tables.

use annals::{ReadModelsError, Seen};

use super::{AccountCursor, AccountSummaryRow, ActiveTotal};
use crate::account::AccountId;

/// What queries ask of the tables: one question, one view, and how new it is.
///
/// Implemented for each read database, by SQL and nothing else. All return [`ReadModelsError`],
/// whose variants say what to do next.
pub trait SummaryTables {
    /// An account, active or closed.
    fn find_account(
        &self,
        id: &AccountId,
    ) -> impl Future<Output = Result<Seen<Option<AccountSummaryRow>>, ReadModelsError>> + Send;

    /// Active accounts, newest first, at most `limit`, those after a place in the list.
    fn list_active_accounts(
        &self,
        after: Option<&AccountCursor>,
        limit: usize,
    ) -> impl Future<Output = Result<Seen<Vec<AccountSummaryRow>>, ReadModelsError>> + Send;

    /// All active accounts taken together.
    fn active_total(
        &self,
    ) -> impl Future<Output = Result<Seen<ActiveTotal>, ReadModelsError>> + Send;
}
