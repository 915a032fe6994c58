//! How the changes of a projection become rows.

use std::future::Future;

use annals_core::{BoxError, Projection};
use sqlx::postgres::PgConnection;

/// How the changes of a projection become rows in PostgreSQL.
///
/// Table names are plain: whenever this code runs, they mean the tables of the generation at hand,
/// and nothing else. What is in other schemas (`public`, say, for types of extensions) is named
/// with its schema. Methods are written as `async fn`.
///
/// The connection is in the middle of a transaction, which is not to be ended here; savepoints may
/// be used. A statement that fails ends with its error: return it, with `?`.
///
/// ```
/// use annals_core::{BoxError, EventEnvelope, Projection};
/// use annals_sqlx::PostgresProjection;
/// use sqlx::PgConnection;
/// # use std::collections::BTreeMap;
/// # use serde::{Deserialize, Serialize};
/// #
/// # #[derive(Debug, Clone, Serialize, Deserialize, annals_derive::DomainEvent)]
/// # #[event(crate = "annals_core")]
/// # enum AccountEvent { MoneyDeposited { amount: i64 } }
///
/// struct Balances;
///
/// impl Projection for Balances {
///     const NAME: &'static str = "balances";
///     const VERSION: u32 = 1;
///     type Event = AccountEvent;
///     type Changes = BTreeMap<String, i64>;
///
///     fn project(
///         &self,
///         event: EventEnvelope<AccountEvent>,
///         changes: &mut BTreeMap<String, i64>,
///     ) -> Result<(), BoxError> {
///         let AccountEvent::MoneyDeposited { amount } = event.event;
///         *changes.entry(event.stream.aggregate_id().to_owned()).or_default() += amount;
///         Ok(())
///     }
/// }
///
/// impl PostgresProjection for Balances {
///     async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
///         sqlx::raw_sql("CREATE TABLE balance (account_id text PRIMARY KEY, amount bigint)")
///             .execute(tables)
///             .await?;
///         Ok(())
///     }
///
///     // One statement for the whole batch: each row is written once.
///     async fn write(
///         &self,
///         tables: &mut PgConnection,
///         changes: &BTreeMap<String, i64>,
///     ) -> Result<(), BoxError> {
///         let (accounts, amounts): (Vec<&str>, Vec<i64>) =
///             changes.iter().map(|(account, amount)| (account.as_str(), *amount)).unzip();
///         sqlx::query(
///             "INSERT INTO balance SELECT * FROM unnest($1, $2)
///              ON CONFLICT (account_id) DO UPDATE SET amount = balance.amount + excluded.amount",
///         )
///         .bind(accounts)
///         .bind(amounts)
///         .execute(tables)
///         .await?;
///         Ok(())
///     }
/// }
/// ```
pub trait PostgresProjection: Projection {
    /// Makes the tables of a new generation. Each needs a primary key, so that a rebuild can be
    /// compared.
    fn create(
        &self,
        tables: &mut PgConnection,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Writes what a number of events changes, in as few statements as possible.
    ///
    /// # Errors
    ///
    /// An error of the driver, as it is or as the cause of another one, is judged by its code:
    /// what passes is tried again with the same changes. Any other error is the fault of an event,
    /// which is found and parked.
    fn write(
        &self,
        tables: &mut PgConnection,
        changes: &Self::Changes,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Makes what queries need and building does not, such as indexes, once the tables are filled.
    /// May be asked again: `CREATE INDEX IF NOT EXISTS`.
    fn finish(
        &self,
        tables: &mut PgConnection,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = tables;
        async { Ok(()) }
    }
}
