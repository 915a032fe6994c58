//! Documents as rows.

use std::collections::{BTreeMap, BTreeSet};

use annals_core::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_INDEXES_MAX, DOCUMENT_KEY_BYTES_MAX};
use annals_core::{
    BoxError, DocumentChanges, DocumentProjection, DocumentSet, Documents, IndexValue, Json,
    LimitError,
};
use serde::de::DeserializeOwned;
use sqlx::postgres::PgConnection;

use crate::projection::PostgresProjection;

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
        self.apply(changes, &mut documents)?;
        let mut rows = Rows::default();
        for (key, document) in documents.changed() {
            rows.add(&self.0, document, key)?;
        }
        rows.write(tables).await
    }
}

/// The documents with these keys.
async fn load<D: DeserializeOwned>(
    tables: &mut PgConnection,
    keys: &BTreeSet<String>,
) -> Result<DocumentSet<D>, BoxError> {
    let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
    let rows: Vec<(String, String)> = sqlx::query_as(include_str!("sql/load_documents.sql"))
        .bind(asked)
        .fetch_all(tables)
        .await?;
    let mut documents: BTreeMap<String, Option<D>> =
        keys.iter().map(|key| (key.clone(), None)).collect();
    for (key, body) in rows {
        documents.insert(key, Some(Json::from_stored(body).read()?));
    }
    Ok(DocumentSet::new(documents))
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
        key: &str,
    ) -> Result<(), BoxError> {
        for index in documents.indexes() {
            match document.and_then(index.value) {
                Some(value) => self.values.add(index.name, key, &value)?,
                None => {
                    self.removed_values.0.push(index.name);
                    self.removed_values.1.push(key.to_owned());
                }
            }
        }
        match document {
            Some(document) => {
                let body = Json::write("document", document, DOCUMENT_BYTES_MAX)?;
                self.bodies.push(body.as_str().to_owned());
                self.keys.push(key.to_owned());
            }
            None => self.removed.push(key.to_owned()),
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
