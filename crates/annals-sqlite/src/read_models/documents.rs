//! Documents by key.

use std::collections::BTreeMap;

use annals_core::limits::{
    DOCUMENT_BYTES_MAX, DOCUMENT_INDEXES_MAX, DOCUMENT_KEY_BYTES_MAX, LIST_ITEMS_MAX,
};
use annals_core::{
    BoxError, BoxFuture, DocumentChanges, DocumentIndex, DocumentList, DocumentOrder,
    DocumentProjection, DocumentReader, DocumentSet, Documents, IndexValue, Json, LimitError,
    ListedDocument, ReadModelsError, Seen,
};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::SqliteReadModels;
use super::fault::Fault;
use super::host::SqliteProjection;

/// Behind every text that begins as the bytes before it: UTF-8 has no such byte.
const BEHIND_TEXT: u8 = 0xff;

impl<D: Documents> SqliteProjection for DocumentProjection<D> {
    fn create(&self, tables: &Connection) -> Result<(), BoxError> {
        let indexes = self.0.indexes();
        if indexes.len() > DOCUMENT_INDEXES_MAX {
            let (what, count) = ("indexes of documents", indexes.len());
            return Err(LimitError::TooMany { what, count, count_max: DOCUMENT_INDEXES_MAX }.into());
        }
        tables.execute_batch(include_str!("../sql/read_models/document_schema.sql"))?;
        let sql = include_str!("../sql/read_models/document_index_declare.sql");
        let mut declare = tables.prepare(sql)?;
        for index in indexes {
            declare.execute([index.name])?;
        }
        Ok(())
    }

    fn write(
        &self,
        tables: &Connection,
        changes: &DocumentChanges<D::Event>,
    ) -> Result<(), BoxError> {
        let before = load::<D>(tables, changes)?;
        let indexes = self.0.indexes();
        let listed: BTreeMap<String, Values> = before
            .iter()
            .filter_map(|(key, document)| Some((key.clone(), values(indexes, document.as_ref()?))))
            .collect();
        let mut documents = DocumentSet::new(before);
        self.apply(changes, &mut documents)?;
        for (key, document) in documents.changed() {
            let before = listed.get(key).map(Vec::as_slice).unwrap_or_default();
            let after = document.map(|document| values(indexes, document)).unwrap_or_default();
            unlist(tables, key, before, &after)?;
            keep(tables, key, document)?;
            list(tables, key, before, &after)?;
        }
        Ok(())
    }
}

/// By what a document is listed: indexes and values.
type Values = Vec<(&'static str, IndexValue)>;

fn values<D>(indexes: &[DocumentIndex<D>], document: &D) -> Values {
    let value = |index: &DocumentIndex<D>| Some((index.name, (index.value)(document)?));
    indexes.iter().filter_map(value).collect()
}

/// Documents by key, `None` for a key without one.
type Loaded<D> = Vec<(String, Option<D>)>;

/// The documents that the changes concern. One look-up after the other, in the order of the keys:
/// inside one process that costs no more than asking for all at once.
fn load<D: Documents>(
    tables: &Connection,
    changes: &DocumentChanges<D::Event>,
) -> Result<Loaded<D::Document>, BoxError> {
    let sql = include_str!("../sql/read_models/document_find.sql");
    let mut find = tables.prepare_cached(sql)?;
    let mut documents = Vec::with_capacity(changes.keys.len());
    for key in &changes.keys {
        let body = find.query_row([key], |row| row.get::<_, String>(0)).optional()?;
        let document = body.map(|body| serde_json::from_str(&body)).transpose()?;
        documents.push((key.clone(), document));
    }
    Ok(documents)
}

fn keep<D: serde::Serialize>(
    tables: &Connection,
    key: &str,
    document: Option<&D>,
) -> Result<(), BoxError> {
    match document {
        Some(document) => {
            let body = Json::write("document", document, DOCUMENT_BYTES_MAX)?;
            let sql = include_str!("../sql/read_models/document_put.sql");
            tables.prepare_cached(sql)?.execute((key, body.as_str()))?;
        }
        None => {
            let sql = include_str!("../sql/read_models/document_remove.sql");
            tables.prepare_cached(sql)?.execute([key])?;
        }
    }
    Ok(())
}

/// Takes a document out of the lists it is in no more.
fn unlist(
    tables: &Connection,
    key: &str,
    before: &[(&'static str, IndexValue)],
    after: &[(&'static str, IndexValue)],
) -> Result<(), BoxError> {
    let sql = include_str!("../sql/read_models/document_index_remove.sql");
    let mut remove = tables.prepare_cached(sql)?;
    for (index, value) in before.iter().filter(|entry| !after.contains(entry)) {
        remove.execute((index, Bound::Value(value), key))?;
    }
    Ok(())
}

/// Enters a document into the lists it was not in.
fn list(
    tables: &Connection,
    key: &str,
    before: &[(&'static str, IndexValue)],
    after: &[(&'static str, IndexValue)],
) -> Result<(), BoxError> {
    let sql = include_str!("../sql/read_models/document_index_put.sql");
    let mut put = tables.prepare_cached(sql)?;
    for (index, value) in after.iter().filter(|entry| !before.contains(entry)) {
        check_length(value)?;
        put.execute((index, Bound::Value(value), key))?;
    }
    Ok(())
}

fn check_length(value: &IndexValue) -> Result<(), LimitError> {
    let (what, bytes_max) = ("text in an index of documents", DOCUMENT_KEY_BYTES_MAX);
    match value {
        IndexValue::Text(text) if text.len() > bytes_max => {
            Err(LimitError::TooLong { what, bytes: text.len(), bytes_max })
        }
        _ => Ok(()),
    }
}

impl DocumentReader for SqliteReadModels {
    fn find_document(
        &self,
        projection: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Seen<Option<Json>>, ReadModelsError>> {
        let (projection, key) = (projection.to_owned(), key.to_owned());
        Box::pin(async move {
            let find = move |tables: &Connection| {
                refuse_other(tables)?;
                let sql = include_str!("../sql/read_models/document_find.sql");
                let body: Option<String> =
                    tables.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
                Ok(body.map(Json::from_stored))
            };
            Ok(self.read_serving(&projection, find).await?)
        })
    }

    fn list_documents(
        &self,
        list: DocumentList,
    ) -> BoxFuture<'_, Result<Seen<Vec<ListedDocument>>, ReadModelsError>> {
        Box::pin(async move {
            let projection = list.projection.clone();
            let page = move |tables: &Connection| {
                refuse_other(tables)?;
                page(tables, list)
            };
            Ok(self.read_serving(&projection, page).await?)
        })
    }
}

/// The tables of another projection look different.
fn refuse_other(tables: &Connection) -> Result<(), Fault> {
    let sql = include_str!("../sql/read_models/document_are_kept.sql");
    if tables.prepare_cached(sql)?.exists([])? {
        return Ok(());
    }
    Err(Fault::not_found("document, as the projection keeps none"))
}

fn page(tables: &Connection, list: DocumentList) -> Result<Vec<ListedDocument>, Fault> {
    let limit = i64::try_from(list.limit.min(LIST_ITEMS_MAX)).unwrap_or(i64::MAX);
    match list.order {
        DocumentOrder::Key { prefix, after } => {
            let (from, to) = key_bounds(prefix, after, list.is_descending);
            let sql = match list.is_descending {
                true => include_str!("../sql/read_models/document_page_descending.sql"),
                false => include_str!("../sql/read_models/document_page.sql"),
            };
            let documents = |row: &Row<'_>| listed(row, None);
            let mut page = tables.prepare_cached(sql)?;
            Ok(page.query_map((from, to, limit), documents)?.collect::<rusqlite::Result<_>>()?)
        }
        DocumentOrder::Index { name, value, after } => {
            let sql = include_str!("../sql/read_models/document_index_is_declared.sql");
            if !tables.prepare_cached(sql)?.exists([&name])? {
                return Err(Fault::not_found(format!("index {name}")));
            }
            let (from, to) = index_bounds(value.as_ref(), after.as_ref(), list.is_descending);
            let sql = match list.is_descending {
                true => include_str!("../sql/read_models/document_index_page_descending.sql"),
                false => include_str!("../sql/read_models/document_index_page.sql"),
            };
            let documents = |row: &Row<'_>| listed(row, Some(index_value(row)?));
            let mut page = tables.prepare_cached(sql)?;
            let bounds = (&name, from.0, from.1, to.0, to.1, limit);
            Ok(page.query_map(bounds, documents)?.collect::<rusqlite::Result<_>>()?)
        }
    }
}

fn listed(row: &Row<'_>, value: Option<IndexValue>) -> rusqlite::Result<ListedDocument> {
    let body: String = row.get(1)?;
    Ok(ListedDocument { key: row.get(0)?, value, document: Json::from_stored(body) })
}

fn index_value(row: &Row<'_>) -> rusqlite::Result<IndexValue> {
    match row.get(2)? {
        Value::Integer(number) => Ok(IndexValue::Number(number)),
        Value::Text(text) => Ok(IndexValue::Text(text)),
        other => Err(rusqlite::Error::InvalidColumnType(2, "value".to_owned(), other.data_type())),
    }
}

/// The keys with a prefix that follow `after`: from the first on, up to and without the second.
fn key_bounds(prefix: String, after: Option<String>, is_descending: bool) -> (Vec<u8>, Vec<u8>) {
    let from = prefix.into_bytes();
    let mut to = from.clone();
    to.push(BEHIND_TEXT);
    let Some(after) = after.map(String::into_bytes) else { return (from, to) };
    if is_descending {
        return (from, to.min(after));
    }
    // The next key there could be.
    let mut next = after;
    next.push(0);
    (from.max(next), to)
}

/// A value and a key.
type Entry<'a> = (Bound<'a>, Bound<'a>);

/// The entries of an index that follow `after`: between the two.
fn index_bounds<'a>(
    value: Option<&'a IndexValue>,
    after: Option<&'a (IndexValue, String)>,
    is_descending: bool,
) -> (Entry<'a>, Entry<'a>) {
    let (from, to) = match value {
        Some(value) => {
            ((Bound::Value(value), Bound::Lowest), (Bound::Value(value), Bound::Highest))
        }
        None => ((Bound::Lowest, Bound::Lowest), (Bound::Highest, Bound::Highest)),
    };
    let Some((last, key)) = after else { return (from, to) };
    let after = (Bound::Value(last), Bound::Key(key));
    // With a value given, what follows another one is all of them or none.
    match (value.map(|value| last.cmp(value)), is_descending) {
        (None | Some(std::cmp::Ordering::Equal), false) => (after, to),
        (None | Some(std::cmp::Ordering::Equal), true) => (from, after),
        (Some(std::cmp::Ordering::Less), false) | (Some(std::cmp::Ordering::Greater), true) => {
            (from, to)
        }
        (Some(_), _) => (to, to),
    }
}

/// One side of a comparison in an index. SQLite orders numbers before texts, texts before blobs.
#[derive(Debug, Clone, Copy)]
enum Bound<'a> {
    /// Before every value and key: keys are not empty, and belong to the lowest number then.
    Lowest,
    Value(&'a IndexValue),
    Key(&'a str),
    Highest,
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Lowest => ValueRef::Integer(i64::MIN),
            Self::Value(IndexValue::Number(number)) => ValueRef::Integer(*number),
            Self::Value(IndexValue::Text(text)) => ValueRef::Text(text.as_bytes()),
            Self::Key(key) => ValueRef::Text(key.as_bytes()),
            Self::Highest => ValueRef::Blob(&[]),
        }))
    }
}
