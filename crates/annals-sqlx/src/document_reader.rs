//! Reading documents.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    BoxFuture, DocumentList, DocumentOrder, DocumentReader, IndexValue, Json, ListedDocument,
    ReadModelsError, Seen,
};

use crate::document::{value_columns, value_of};
use crate::read_models::PostgresReadModels;
use crate::read_transaction::ReadTransaction;
use crate::row;
use crate::sql_state::unavailable;

/// That the projection that was asked for has no documents.
const UNDEFINED_TABLE: &str = "42P01";

/// An error of a statement on documents.
fn not_read(projection: &str, error: sqlx::Error) -> ReadModelsError {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.is_some_and(|code| code == UNDEFINED_TABLE) {
        let reason = format!("{projection} is no read model of documents: query its tables");
        return ReadModelsError::Refused { reason };
    }
    unavailable(error)
}

impl PostgresReadModels {
    async fn read_page(
        &self,
        list: &DocumentList,
    ) -> Result<Seen<Vec<ListedDocument>>, ReadModelsError> {
        let mut tables = self.read(&list.projection).await?;
        let page = match &list.order {
            DocumentOrder::Key { prefix, after } => {
                list_by_key(&mut tables, list, prefix, after.as_deref()).await
            }
            DocumentOrder::Index { name, value, after } => {
                let is_there: bool = sqlx::query_scalar(include_str!("sql/index_exists.sql"))
                    .bind(name)
                    .fetch_one(&mut *tables)
                    .await
                    .map_err(|error| not_read(&list.projection, error))?;
                if !is_there {
                    let what = format!("index {name:?} of {}", list.projection);
                    return Err(ReadModelsError::NotFound { what });
                }
                list_by_index(&mut tables, list, name, value.as_ref(), after.as_ref()).await
            }
        };
        let page = page.map_err(|error| not_read(&list.projection, error))?;
        Ok(tables.seen(page))
    }
}

/// How many documents a page may have.
fn limit(list: &DocumentList) -> i64 {
    row::column(list.limit.min(LIST_ITEMS_MAX))
}

/// The first text behind all that begin with `prefix`, byte by byte; `None` if there is none.
fn behind(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The order of UTF-8 bytes is that of the characters; between the two ranges there are
        // none.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

async fn list_by_key(
    tables: &mut ReadTransaction,
    list: &DocumentList,
    prefix: &str,
    after: Option<&str>,
) -> Result<Vec<ListedDocument>, sqlx::Error> {
    let statement = if list.is_descending {
        include_str!("sql/list_by_key_descending.sql")
    } else {
        include_str!("sql/list_by_key.sql")
    };
    let rows: Vec<(String, String)> = sqlx::query_as(statement)
        .bind(prefix)
        .bind(behind(prefix))
        .bind(after)
        .bind(limit(list))
        .fetch_all(&mut **tables)
        .await?;
    let read = |(key, body)| ListedDocument { key, value: None, document: row::json(body) };
    Ok(rows.into_iter().map(read).collect())
}

async fn list_by_index(
    tables: &mut ReadTransaction,
    list: &DocumentList,
    name: &str,
    value: Option<&IndexValue>,
    after: Option<&(IndexValue, String)>,
) -> Result<Vec<ListedDocument>, sqlx::Error> {
    let statement = if list.is_descending {
        include_str!("sql/list_by_index_descending.sql")
    } else {
        include_str!("sql/list_by_index.sql")
    };
    let (kind, number, text) = columns(value);
    let (after_kind, after_number, after_text) = columns(after.map(|(value, _)| value));
    let rows: Vec<(i16, i64, String, String, String)> = sqlx::query_as(statement)
        .bind(name)
        .bind(kind)
        .bind(number)
        .bind(text)
        .bind(after_kind)
        .bind(after_number)
        .bind(after_text)
        .bind(after.map(|(_, key)| key))
        .bind(limit(list))
        .fetch_all(&mut **tables)
        .await?;
    let read = |(kind, number, text, key, body)| ListedDocument {
        key,
        value: Some(value_of(kind, number, text)),
        document: row::json(body),
    };
    Ok(rows.into_iter().map(read).collect())
}

/// The columns of a value, all empty if there is none.
fn columns(value: Option<&IndexValue>) -> (Option<i16>, Option<i64>, Option<String>) {
    let Some(value) = value else { return (None, None, None) };
    let (kind, number, text) = value_columns(value);
    (Some(kind), Some(number), Some(text))
}

impl DocumentReader for PostgresReadModels {
    fn find_document(
        &self,
        projection: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Seen<Option<Json>>, ReadModelsError>> {
        let (projection, key) = (projection.to_owned(), key.to_owned());
        Box::pin(self.in_time(async move {
            let mut tables = self.read(&projection).await?;
            if key.contains('\0') {
                // No text of the database has it, and asking for it is an error.
                return Ok(tables.seen(None));
            }
            let found: Option<String> = sqlx::query_scalar(include_str!("sql/find_document.sql"))
                .bind(key)
                .fetch_optional(&mut *tables)
                .await
                .map_err(|error| not_read(&projection, error))?;
            Ok(tables.seen(found.map(row::json)))
        }))
    }

    fn list_documents(
        &self,
        list: DocumentList,
    ) -> BoxFuture<'_, Result<Seen<Vec<ListedDocument>>, ReadModelsError>> {
        Box::pin(async move { self.in_time(self.read_page(&list)).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_prefix_is_the_first_text_that_does_not_begin_with_it() {
        assert_eq!(behind("ab").as_deref(), Some("ac"));
        assert_eq!(behind("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(behind("\u{10ffff}"), None);
        assert_eq!(behind(""), None);
    }
}
