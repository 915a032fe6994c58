//! Whether two generations hold the same rows.

use annals_core::{Comparison, GenerationKey, ReadModelsError, TableComparison};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::generation::{find_positions, no_generation};
use crate::pool::Begin;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::schema::Schema;
use crate::sql_state::unavailable;

/// Most keys of differing rows that are listed for a table: enough to see what they have in common.
const DIFFERING_KEYS_MAX: i64 = 100;

/// What the catalog says of a table.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    name: String,
    /// As an identifier.
    quoted: String,
    /// As identifiers, by name.
    columns: Vec<String>,
    types: Vec<String>,
    /// As identifiers, in their order.
    primary_key: Vec<String>,
}

/// name, as an identifier, columns, types, primary key
type TableRow = (String, String, Vec<String>, Vec<String>, Vec<String>);

impl PostgresReadModels {
    pub(crate) async fn compare_tables(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> Result<Option<Comparison>, ReadModelsError> {
        let schemas = (Schema::of(serving)?, Schema::of(other)?);
        let mut view = self.begin_build(Begin::View, None).await.map_err(unavailable)?;
        let mut positions = Vec::new();
        for key in [serving, other] {
            let found = find_positions(&mut view, key).await.map_err(unavailable)?;
            let (lowest, highest) = found.ok_or_else(|| no_generation(key))?;
            positions.extend([lowest, highest]);
        }
        positions.dedup();
        let &[position] = positions.as_slice() else { return Ok(None) };
        let tables = read_tables(&mut view, &schemas.0).await.map_err(unavailable)?;
        if tables != read_tables(&mut view, &schemas.1).await.map_err(unavailable)? {
            let reason = format!(
                "the tables of {serving} and {other} have not the same columns and keys: only \
                 versions with the same tables can be compared"
            );
            return Err(ReadModelsError::Refused { reason });
        }
        let mut compared = Vec::new();
        for table in &tables {
            if table.primary_key.is_empty() {
                let reason = format!(
                    "table {} of {serving} has no primary key, so its rows cannot be compared",
                    table.name
                );
                return Err(ReadModelsError::Refused { reason });
            }
            let comparison = compare_table(&mut view, table, &schemas).await;
            compared.push(comparison.map_err(unavailable)?);
        }
        let position = row::position(position).map_err(unavailable)?;
        Ok(Some(Comparison { position, tables: compared }))
    }
}

async fn read_tables(
    connection: &mut PgConnection,
    schema: &Schema,
) -> Result<Vec<Table>, sqlx::Error> {
    let rows: Vec<TableRow> = sqlx::query_as(include_str!("sql/tables_of.sql"))
        .bind(schema.as_str())
        .fetch_all(connection)
        .await?;
    let table = |(name, quoted, columns, types, primary_key)| Table {
        name,
        quoted,
        columns,
        types,
        primary_key,
    };
    Ok(rows.into_iter().map(table).collect())
}

/// Most of the time all rows are the same, so the keys are looked for only where they are not.
async fn compare_table(
    connection: &mut PgConnection,
    table: &Table,
    schemas: &(Schema, Schema),
) -> Result<TableComparison, sqlx::Error> {
    let one = format!("{}.{}", schemas.0.quoted(), table.quoted);
    let other = format!("{}.{}", schemas.1.quoted(), table.quoted);
    let (rows, digest) = digest_table(connection, table, &one).await?;
    let (other_rows, other_digest) = digest_table(connection, table, &other).await?;
    let mut comparison = TableComparison {
        table: table.name.clone(),
        rows: (row::number(rows)?, row::number(other_rows)?),
        digests: (digest, other_digest),
        differing_keys: Vec::new(),
    };
    if !comparison.is_equal() {
        let statement = include_str!("sql/differing_keys.sql")
            .replace("{one}", &one)
            .replace("{other}", &other)
            .replace("{keys}", &table.primary_key.join(", "))
            .replace("{columns}", &table.columns.join(", "));
        comparison.differing_keys = sqlx::query_scalar(AssertSqlSafe(statement))
            .persistent(false)
            .bind(DIFFERING_KEYS_MAX)
            .fetch_all(connection)
            .await?;
    }
    Ok(comparison)
}

/// How many rows a table has, and their digest.
async fn digest_table(
    connection: &mut PgConnection,
    table: &Table,
    qualified: &str,
) -> Result<(i64, String), sqlx::Error> {
    let statement = include_str!("sql/digest_table.sql")
        .replace("{table}", qualified)
        .replace("{columns}", &table.columns.join(", "));
    sqlx::query_as(AssertSqlSafe(statement)).persistent(false).fetch_one(connection).await
}
