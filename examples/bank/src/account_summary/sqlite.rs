//! The tables in SQLite.

use annals::sqlite::rusqlite::{Connection, Result as SqliteResult, Row, params};
use annals::sqlite::{SqliteProjection, SqliteReadModels};
use annals::{BoxError, Partition, Projection, ReadModelsError, Seen};
use chrono::{DateTime, Utc};

use super::row::{AccountColumns, TotalColumns};
use super::{
    AccountCursor, AccountSummary, AccountSummaryRow, ActiveTotal, SummaryChanges, SummaryError,
    SummaryTables,
};
use crate::account::AccountId;

impl SqliteProjection for AccountSummary {
    fn create(&self, tables: &Connection) -> Result<(), BoxError> {
        tables.execute_batch(include_str!("sql/sqlite/create.sql"))?;
        let mut begin = tables.prepare(include_str!("sql/sqlite/begin_total.sql"))?;
        for partition in Partition::all(Self::PARTITIONS) {
            begin.execute([partition.get()])?;
        }
        Ok(())
    }

    fn write(&self, tables: &Connection, changes: &SummaryChanges) -> Result<(), BoxError> {
        let mut insert = tables.prepare_cached(include_str!("sql/sqlite/insert_account.sql"))?;
        let mut update = tables.prepare_cached(include_str!("sql/sqlite/update_account.sql"))?;
        for (id, change) in &changes.accounts {
            let (balance, updated_at) = (change.balance.minor(), micros(&change.updated_at));
            let Some(opening) = &change.opening else {
                let rows = update.execute(params![id, balance, change.is_closed, updated_at])?;
                if rows == 0 {
                    return Err(SummaryError::NeverOpened { missing: 1 }.into());
                }
                continue;
            };
            let (owner, opened_at) = (opening.owner_name.as_str(), micros(&opening.opened_at));
            let is_active = !change.is_closed;
            insert.execute(params![id, owner, balance, is_active, opened_at, updated_at])?;
        }
        let mut find = tables.prepare_cached(include_str!("sql/sqlite/find_total.sql"))?;
        let mut set = tables.prepare_cached(include_str!("sql/sqlite/set_total.sql"))?;
        for (partition, change) in &changes.totals {
            let total = ActiveTotal::of([find.query_row([partition.get()], total_columns)?])?;
            let total = total.plus((change.balance.minor().to_string(), change.accounts))?;
            let balance = total.balance.minor().to_string();
            set.execute(params![partition.get(), balance, total.accounts])?;
        }
        Ok(())
    }

    fn finish(&self, tables: &Connection) -> Result<(), BoxError> {
        Ok(tables.execute_batch(include_str!("sql/sqlite/finish.sql"))?)
    }
}

impl SummaryTables for SqliteReadModels {
    async fn find_account(
        &self,
        id: &AccountId,
    ) -> Result<Seen<Option<AccountSummaryRow>>, ReadModelsError> {
        let id = id.clone();
        let find = move |tables: &Connection| {
            let sql = include_str!("sql/sqlite/find_account.sql");
            let rows = accounts(tables.prepare_cached(sql)?.query_map([id.as_str()], columns)?)?;
            Ok(rows.into_iter().next())
        };
        self.read(AccountSummary::NAME, find).await
    }

    async fn list_active_accounts(
        &self,
        after: Option<&AccountCursor>,
        limit: usize,
    ) -> Result<Seen<Vec<AccountSummaryRow>>, ReadModelsError> {
        let (after, limit) = (after.cloned(), i64::try_from(limit).unwrap_or(i64::MAX));
        let list = move |tables: &Connection| match after {
            None => {
                let sql = include_str!("sql/sqlite/list_active_accounts.sql");
                accounts(tables.prepare_cached(sql)?.query_map(params![limit], columns)?)
            }
            Some(AccountCursor { created_at, account_id }) => {
                let sql = include_str!("sql/sqlite/list_active_accounts_after.sql");
                let binds = params![limit, micros(&created_at), account_id.as_str()];
                accounts(tables.prepare_cached(sql)?.query_map(binds, columns)?)
            }
        };
        self.read(AccountSummary::NAME, list).await
    }

    async fn active_total(&self) -> Result<Seen<ActiveTotal>, ReadModelsError> {
        let total = |tables: &Connection| {
            let mut totals = tables.prepare_cached(include_str!("sql/sqlite/totals.sql"))?;
            let rows = totals.query_map([], total_columns)?.collect::<SqliteResult<Vec<_>>>()?;
            Ok(ActiveTotal::of(rows)?)
        };
        self.read(AccountSummary::NAME, total).await
    }
}

fn micros(time: &DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

fn columns(row: &Row<'_>) -> SqliteResult<AccountColumns> {
    let (created_at, updated_at) = (time(row.get(4)?), time(row.get(5)?));
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, created_at, updated_at))
}

fn total_columns(row: &Row<'_>) -> SqliteResult<TotalColumns> {
    Ok((row.get(0)?, row.get(1)?))
}

fn accounts(
    rows: impl Iterator<Item = SqliteResult<AccountColumns>>,
) -> Result<Vec<AccountSummaryRow>, BoxError> {
    rows.map(|columns| columns?.try_into()).collect()
}
