//! What can be asked of the read models: HTTP and the command line are thin over this.

use std::time::Duration;

use annals::{
    ConsistencyToken, DocumentList, DocumentOrder, DocumentReader, Documents, Json, ListedDocument,
    Projection, Seen, Sequence,
};

use crate::account::AccountId;
use crate::account_statement::{
    self as keys, AccountStatement, Month, MonthTotals, PART_SEQUENCES, StatementDocument,
    StatementError,
};
use crate::account_summary::{
    AccountCursor, AccountSummary, AccountSummaryRow, ActiveTotal, SummaryTables,
};
use crate::bank::{AccountsPage, PageLimit, QueryAnswer, QueryError, Statement, StatementsPage};
use crate::money::CURRENCY;
use crate::read_models::{ReadModels, on_either};

/// How long a query waits for the read model to become as new as asked for.
///
/// One that follows the log does so within milliseconds, and the partitions of a process that was
/// killed are taken over within five seconds; most callers wait for longer than this.
const VISIBLE_WITHIN: Duration = Duration::from_secs(8);

type Answer<T> = Result<QueryAnswer<T>, QueryError>;

/// The queries. Each takes a consistency token if the answer must be at least that new, says how
/// new it is, and is one consistent view.
///
/// All return [`QueryError`], whose variants say what to do next.
#[derive(Debug, Clone)]
pub struct Queries {
    models: ReadModels,
}

/// Which entries of a statement are asked for.
#[derive(Debug, Clone, Copy)]
pub struct EntriesAfter {
    /// In which month.
    pub period: Month,
    /// Those after the one with this sequence.
    pub after: Sequence,
    /// At most so many.
    pub limit: PageLimit,
}

impl Queries {
    /// Queries on the read models.
    #[must_use]
    pub fn new(models: ReadModels) -> Self {
        Self { models }
    }

    /// The read models.
    #[must_use]
    pub fn read_models(&self) -> &ReadModels {
        &self.models
    }

    /// An account, active or closed.
    ///
    /// # Errors
    ///
    /// [`QueryError::NotFound`] if there is none.
    pub async fn account(
        &self,
        id: &AccountId,
        at_least: Option<ConsistencyToken>,
    ) -> Answer<AccountSummaryRow> {
        let find = || async move {
            let models = on_either!(self.models, it => it.models().find_account(id).await)?;
            let position = models.position;
            try_map(models, |row| row.ok_or(QueryError::NotFound { position }))
        };
        self.answer(AccountSummary::NAME, at_least, find).await
    }

    /// A page of active accounts, newest first.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub async fn active_accounts(
        &self,
        after: Option<&AccountCursor>,
        limit: PageLimit,
        at_least: Option<ConsistencyToken>,
    ) -> Answer<AccountsPage> {
        let list = || async move {
            // One more than asked for tells whether there are more.
            let rows = limit.get() + 1;
            let listed =
                on_either!(self.models, it => it.models().list_active_accounts(after, rows).await);
            try_map(listed?, |mut accounts| {
                let has_more = accounts.len() > limit.get();
                accounts.truncate(limit.get());
                let last = accounts.last().filter(|_| has_more);
                let next_after = last.map(AccountSummaryRow::cursor);
                Ok(AccountsPage { accounts, next_after })
            })
        };
        self.answer(AccountSummary::NAME, at_least, list).await
    }

    /// All active accounts taken together.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub async fn active_total(&self, at_least: Option<ConsistencyToken>) -> Answer<ActiveTotal> {
        let total = || async move {
            let total = on_either!(self.models, it => it.models().active_total().await);
            Ok(total?)
        };
        self.answer(AccountSummary::NAME, at_least, total).await
    }

    /// A page of the periods in which something moved on an account, newest first.
    ///
    /// # Errors
    ///
    /// [`QueryError::NotFound`] if there is no such account.
    pub async fn statements(
        &self,
        id: &AccountId,
        after: Option<Month>,
        limit: PageLimit,
        at_least: Option<ConsistencyToken>,
    ) -> Answer<StatementsPage> {
        let list = || async move {
            let order = DocumentOrder::Key {
                prefix: keys::months_prefix(id.as_str()),
                after: after.map(|month| keys::month_key(id.as_str(), month)),
            };
            let listed = self.list(order, true, limit.get()).await?;
            if listed.value.is_empty() {
                let account = self.find(id.as_str()).await?;
                let position = account.position;
                try_map(account, |account| account.ok_or(QueryError::NotFound { position }))?;
            }
            try_map(listed, |documents| {
                let periods = documents.iter().map(|listed| month(&listed.document));
                let periods: Vec<_> = periods.collect::<Result<_, _>>()?;
                // A full page may have been the last; the next one is empty then.
                let last = periods.last().filter(|_| periods.len() == limit.get());
                let next_after = last.map(|totals| totals.period);
                let account_id = id.clone();
                Ok(StatementsPage { account_id, currency: CURRENCY, periods, next_after })
            })
        };
        self.answer(AccountStatement::NAME, at_least, list).await
    }

    /// A page of what moved on an account in a period, oldest first.
    ///
    /// # Errors
    ///
    /// [`QueryError::NotFound`] and [`QueryError::PeriodNotFound`].
    pub async fn statement(
        &self,
        id: &AccountId,
        entries: EntriesAfter,
        at_least: Option<ConsistencyToken>,
    ) -> Answer<Statement> {
        let read = || async move { self.read_statement(id, entries).await };
        self.answer(AccountStatement::NAME, at_least, read).await
    }

    /// The totals come first. Entries are read after them, and are only ever added, so those up to
    /// the last that the totals count are the very ones they count.
    async fn read_statement(
        &self,
        id: &AccountId,
        EntriesAfter { period, after, limit }: EntriesAfter,
    ) -> Result<Seen<Statement>, QueryError> {
        let found = self.find(&keys::month_key(id.as_str(), period)).await?;
        let position = found.position;
        let Some(totals) = &found.value else {
            let account = self.find(id.as_str()).await?.value;
            return Err(match account {
                Some(_) => QueryError::PeriodNotFound { period, position },
                None => QueryError::NotFound { position },
            });
        };
        let totals = month(totals)?;
        let first = keys::part_of(after.plus(1));
        let before_first = first.checked_sub(1);
        let order = DocumentOrder::Key {
            prefix: keys::parts_prefix(id.as_str(), period),
            after: before_first.map(|part| keys::part_key(id.as_str(), period, part)),
        };
        // The page may begin in the middle of a document, and end in the middle of one.
        let parts = limit.get() / usize::try_from(PART_SEQUENCES).unwrap_or(1) + 2;
        let mut page = Vec::new();
        for part in self.list(order, false, parts).await?.value {
            let StatementDocument::Entries { entries } = document(&part.document)? else {
                return Err(QueryError::Internal(StatementError::OtherKind.into()));
            };
            let is_counted = |sequence| after < sequence && sequence <= totals.last_sequence;
            page.extend(entries.into_iter().filter(|entry| is_counted(entry.sequence)));
        }
        page.truncate(limit.get());
        let has_more = page.last().is_some_and(|last| last.sequence < totals.last_sequence);
        let account_id = id.clone();
        let statement =
            Statement { account_id, currency: CURRENCY, totals, entries: page, has_more };
        try_map(found, |_| Ok(statement))
    }

    /// Reads, until what was seen is as new as asked for.
    async fn answer<T, F>(
        &self,
        projection: &str,
        at_least: Option<ConsistencyToken>,
        read: impl Fn() -> F,
    ) -> Answer<T>
    where
        F: Future<Output = Result<Seen<T>, QueryError>>,
    {
        let Some(token) = at_least else { return read().await.map(QueryAnswer::new) };
        let visibility = self.models.visibility();
        // Where nothing serves yet, there is nothing to read either.
        visibility.wait_for(projection, token, VISIBLE_WITHIN).await?;
        let seen = visibility.read_at_least(token, VISIBLE_WITHIN, &read).await?;
        Ok(QueryAnswer::new(seen))
    }

    async fn find(&self, key: &str) -> Result<Seen<Option<Json>>, QueryError> {
        let name = AccountStatement::NAME;
        Ok(on_either!(self.models, it => it.models().find_document(name, key).await)?)
    }

    async fn list(
        &self,
        order: DocumentOrder,
        is_descending: bool,
        limit: usize,
    ) -> Result<Seen<Vec<ListedDocument>>, QueryError> {
        let projection = AccountStatement::NAME.to_owned();
        let list = DocumentList { projection, order, is_descending, limit };
        Ok(on_either!(self.models, it => it.models().list_documents(list).await)?)
    }
}

fn document(json: &Json) -> Result<StatementDocument, QueryError> {
    json.read().map_err(|error| QueryError::Internal(error.into()))
}

fn month(json: &Json) -> Result<MonthTotals, QueryError> {
    match document(json)? {
        StatementDocument::Month(totals) => Ok(totals),
        _ => Err(QueryError::Internal(StatementError::OtherKind.into())),
    }
}

/// The same view, with something else made of what was seen.
fn try_map<T, U>(
    seen: Seen<T>,
    map: impl FnOnce(T) -> Result<U, QueryError>,
) -> Result<Seen<U>, QueryError> {
    let Seen { value, generation, log_id, position } = seen;
    Ok(Seen { value: map(value)?, generation, log_id, position })
}
