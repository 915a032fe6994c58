//! The tables in PostgreSQL.

use annals::sqlx::{PostgresProjection, PostgresReadModels};
use annals::{BoxError, Projection, ReadModelsError, Seen};
use sqlx::postgres::PgConnection;

use super::row::{AccountColumns, TotalColumns};
use super::{
    AccountChange, AccountCursor, AccountSummary, AccountSummaryRow, ActiveTotal, Opening,
    SummaryChanges, SummaryError, SummaryTables,
};
use crate::account::AccountId;

impl PostgresProjection for AccountSummary {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(include_str!("sql/postgres/create.sql")).execute(&mut *tables).await?;
        sqlx::query(include_str!("sql/postgres/begin_totals.sql"))
            .bind(i32::from(Self::PARTITIONS))
            .execute(tables)
            .await?;
        Ok(())
    }

    async fn write(
        &self,
        tables: &mut PgConnection,
        changes: &SummaryChanges,
    ) -> Result<(), BoxError> {
        insert_accounts(tables, changes).await?;
        update_accounts(tables, changes).await?;
        add_totals(tables, changes).await
    }

    async fn finish(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(include_str!("sql/postgres/finish.sql")).execute(tables).await?;
        Ok(())
    }
}

async fn insert_accounts(
    tables: &mut PgConnection,
    changes: &SummaryChanges,
) -> Result<(), BoxError> {
    let opened = changes.accounts.iter().filter_map(|(id, change)| Opening::of(id, change));
    let opened: Vec<_> = opened.collect();
    if opened.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = opened.iter().map(|(id, ..)| *id).collect();
    let owners: Vec<_> = opened.iter().map(|(_, opening, _)| opening.owner_name.as_str()).collect();
    let balances: Vec<_> = opened.iter().map(|(.., change)| change.balance.minor()).collect();
    let are_active: Vec<_> = opened.iter().map(|(.., change)| !change.is_closed).collect();
    let opened_at: Vec<_> = opened.iter().map(|(_, opening, _)| opening.opened_at).collect();
    let updated_at: Vec<_> = opened.iter().map(|(.., change)| change.updated_at).collect();
    sqlx::query(include_str!("sql/postgres/insert_accounts.sql"))
        .bind(ids)
        .bind(owners)
        .bind(balances)
        .bind(are_active)
        .bind(opened_at)
        .bind(updated_at)
        .execute(tables)
        .await?;
    Ok(())
}

impl Opening {
    fn of<'a>(
        id: &'a str,
        change: &'a AccountChange,
    ) -> Option<(&'a str, &'a Self, &'a AccountChange)> {
        change.opening.as_ref().map(|opening| (id, opening, change))
    }
}

async fn update_accounts(
    tables: &mut PgConnection,
    changes: &SummaryChanges,
) -> Result<(), BoxError> {
    let changed = changes.accounts.iter().filter(|(_, change)| change.opening.is_none());
    let (ids, changed): (Vec<_>, Vec<_>) =
        changed.map(|(id, change)| (id.as_str(), change)).unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let count = ids.len() as u64;
    let updated = sqlx::query(include_str!("sql/postgres/update_accounts.sql"))
        .bind(ids)
        .bind(changed.iter().map(|change| change.balance.minor()).collect::<Vec<_>>())
        .bind(changed.iter().map(|change| change.is_closed).collect::<Vec<_>>())
        .bind(changed.iter().map(|change| change.updated_at).collect::<Vec<_>>())
        .execute(tables)
        .await?
        .rows_affected();
    match count.saturating_sub(updated) {
        0 => Ok(()),
        missing => Err(SummaryError::NeverOpened { missing }.into()),
    }
}

async fn add_totals(tables: &mut PgConnection, changes: &SummaryChanges) -> Result<(), BoxError> {
    let partitions = changes.totals.keys().map(|partition| i32::from(partition.get()));
    let balances = changes.totals.values().map(|change| change.balance.minor().to_string());
    let accounts = changes.totals.values().map(|change| change.accounts);
    sqlx::query(include_str!("sql/postgres/add_totals.sql"))
        .bind(partitions.collect::<Vec<_>>())
        .bind(balances.collect::<Vec<_>>())
        .bind(accounts.collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}

impl SummaryTables for PostgresReadModels {
    async fn find_account(
        &self,
        id: &AccountId,
    ) -> Result<Seen<Option<AccountSummaryRow>>, ReadModelsError> {
        let mut tables = self.read(AccountSummary::NAME).await?;
        let sql = include_str!("sql/postgres/find_account.sql");
        let row: Option<AccountColumns> = sqlx::query_as(sql)
            .bind(id.as_str())
            .fetch_optional(&mut *tables)
            .await
            .map_err(ReadModelsError::unavailable)?;
        let row = row.map(AccountSummaryRow::try_from).transpose();
        Ok(tables.seen(row.map_err(ReadModelsError::unavailable)?))
    }

    async fn list_active_accounts(
        &self,
        after: Option<&AccountCursor>,
        limit: usize,
    ) -> Result<Seen<Vec<AccountSummaryRow>>, ReadModelsError> {
        let mut tables = self.read(AccountSummary::NAME).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let list = match after {
            None => {
                sqlx::query_as(include_str!("sql/postgres/list_active_accounts.sql")).bind(limit)
            }
            Some(AccountCursor { created_at, account_id }) => {
                sqlx::query_as(include_str!("sql/postgres/list_active_accounts_after.sql"))
                    .bind(limit)
                    .bind(created_at)
                    .bind(account_id.as_str())
            }
        };
        let rows: Vec<AccountColumns> =
            list.fetch_all(&mut *tables).await.map_err(ReadModelsError::unavailable)?;
        let rows = rows.into_iter().map(AccountSummaryRow::try_from).collect::<Result<_, _>>();
        Ok(tables.seen(rows.map_err(ReadModelsError::unavailable)?))
    }

    async fn active_total(&self) -> Result<Seen<ActiveTotal>, ReadModelsError> {
        let mut tables = self.read(AccountSummary::NAME).await?;
        let rows: Vec<TotalColumns> = sqlx::query_as(include_str!("sql/postgres/totals.sql"))
            .fetch_all(&mut *tables)
            .await
            .map_err(ReadModelsError::unavailable)?;
        Ok(tables.seen(ActiveTotal::of(rows).map_err(ReadModelsError::unavailable)?))
    }
}
