//! Documents as rows.

use std::collections::{BTreeMap, BTreeSet};

use annals_core::limits::{DOCUMENT_INDEXES_MAX, DOCUMENT_KEY_BYTES_MAX, SNAPSHOT_BYTES_MAX};
use annals_core::{
    BoxError, DocumentChanges, DocumentProjection, DocumentSet, Documents, IndexValue, Json,
    LimitError,
};
use sqlx::postgres::PgConnection;

use crate::projection::PostgresProjection;

/// Largest document, in bytes of JSON text: as for the state of an aggregate, which it resembles.
const DOCUMENT_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX;

impl<D: Documents> PostgresProjection for DocumentProjection<D> {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        let names: Vec<&str> = self.0.indexes().iter().map(|index| index.name).collect();
        if names.len() > DOCUMENT_INDEXES_MAX {
            return Err(format!("{} indexes, more than {DOCUMENT_INDEXES_MAX}", names.len()).into());
        }
        sqlx::raw_sql(include_str!("sql/create_documents.sql")).execute(&mut *tables).await?;
        sqlx::query(include_str!("sql/declare_indexes.sql")).bind(names).execute(tables).await?;
        Ok(())
    }

    async fn write(
        &self,
        tables: &mut PgConnection,
        changes: &DocumentChanges<D::Event>,
    ) -> Result<(), BoxError> {
        let mut documents = load::<D::Document>(tables, &changes.keys).await?;
        let mut changed = BTreeSet::new();
        for event in &changes.events {
            // Each event sees only what it declares, whatever else is in the batch: how events are
            // batched must make no difference.
            let keys = self.0.keys(event);
            let own = keys.into_iter().map(|key| {
                let document = documents.get(&key).cloned();
                (key, document)
            });
            let mut set = DocumentSet::new(own);
            self.0.apply(event, &mut set)?;
            for (key, document) in set.changed() {
                changed.insert(key.to_owned());
                match document {
                    Some(document) => documents.insert(key.to_owned(), document.clone()),
                    None => documents.remove(key),
                };
            }
        }
        let mut rows = Rows::default();
        for key in changed {
            rows.add(&self.0, documents.get(&key), key)?;
        }
        rows.write(tables).await
    }
}

/// The documents that there are, by key.
async fn load<D: serde::de::DeserializeOwned>(
    tables: &mut PgConnection,
    keys: &BTreeSet<String>,
) -> Result<BTreeMap<String, D>, BoxError> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let rows: Vec<(String, String)> =
        sqlx::query_as(include_str!("sql/load_documents.sql")).bind(keys).fetch_all(tables).await?;
    let read = |(key, body): (String, String)| Ok((key, Json::from_stored(body).read()?));
    rows.into_iter().map(read).collect()
}

/// What is written of the documents that a batch has changed, in the order of their keys: workers
/// that write the same rows then wait for each other instead of blocking each other.
#[derive(Debug, Default)]
struct Rows {
    keys: Vec<String>,
    bodies: Vec<String>,
    removed: Vec<String>,
    values: Values,
    removed_values: (Vec<&'static str>, Vec<String>),
}

/// Values of index fields, by column.
#[derive(Debug, Default)]
struct Values {
    names: Vec<&'static str>,
    keys: Vec<String>,
    kinds: Vec<i16>,
    numbers: Vec<i64>,
    texts: Vec<String>,
}

impl Rows {
    /// Adds a document, or that there is none any more.
    fn add<D: Documents>(
        &mut self,
        documents: &D,
        document: Option<&D::Document>,
        key: String,
    ) -> Result<(), BoxError> {
        for index in documents.indexes() {
            match document.and_then(index.value) {
                Some(value) => self.values.add(index.name, &key, &value)?,
                None => {
                    self.removed_values.0.push(index.name);
                    self.removed_values.1.push(key.clone());
                }
            }
        }
        match document {
            Some(document) => {
                let body = Json::write("document", document, DOCUMENT_BYTES_MAX)?;
                self.bodies.push(body.as_str().to_owned());
                self.keys.push(key);
            }
            None => self.removed.push(key),
        }
        Ok(())
    }

    async fn write(self, tables: &mut PgConnection) -> Result<(), BoxError> {
        if !self.keys.is_empty() {
            let save = sqlx::query(include_str!("sql/save_documents.sql"));
            save.bind(self.keys).bind(self.bodies).execute(&mut *tables).await?;
        }
        if !self.removed.is_empty() {
            let remove = sqlx::query(include_str!("sql/remove_documents.sql"));
            remove.bind(self.removed).execute(&mut *tables).await?;
        }
        let (names, keys) = self.removed_values;
        if !names.is_empty() {
            let remove = sqlx::query(include_str!("sql/remove_values.sql"));
            remove.bind(names).bind(keys).execute(&mut *tables).await?;
        }
        let values = self.values;
        if !values.names.is_empty() {
            sqlx::query(include_str!("sql/save_values.sql"))
                .bind(values.names)
                .bind(values.keys)
                .bind(values.kinds)
                .bind(values.numbers)
                .bind(values.texts)
                .execute(tables)
                .await?;
        }
        Ok(())
    }
}

impl Values {
    fn add(&mut self, name: &'static str, key: &str, value: &IndexValue) -> Result<(), LimitError> {
        let (kind, number, text) = value_columns(value);
        if text.len() > DOCUMENT_KEY_BYTES_MAX {
            return Err(LimitError::TooLong {
                what: "value of a document's index",
                bytes: text.len(),
                bytes_max: DOCUMENT_KEY_BYTES_MAX,
            });
        }
        self.names.push(name);
        self.keys.push(key.to_owned());
        self.kinds.push(kind);
        self.numbers.push(number);
        self.texts.push(text);
        Ok(())
    }
}

/// A value of an index field, as its columns: ordered as values are.
pub(crate) fn value_columns(value: &IndexValue) -> (i16, i64, String) {
    match value {
        IndexValue::Number(number) => (0, *number, String::new()),
        IndexValue::Text(text) => (1, 0, text.clone()),
    }
}

/// The value that columns stand for.
pub(crate) fn value_of(kind: i16, number: i64, text: String) -> IndexValue {
    if kind == 0 { IndexValue::Number(number) } else { IndexValue::Text(text) }
}
