//! Reading documents.

use std::fmt;

use crate::document::IndexValue;
use crate::id::LogId;
use crate::json::Json;
use crate::position::Position;
use crate::read_models::{GenerationKey, ReadModelsError};
use crate::store::BoxFuture;

/// Reads the documents of the generation that serves. Every answer is one consistent view, and says
/// how far it is.
pub trait DocumentReader: fmt::Debug + Send + Sync + 'static {
    /// The document with a key.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if no generation of the projection serves.
    fn find_document(
        &self,
        projection: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Seen<Option<Json>>, ReadModelsError>>;

    /// A page of documents.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if no generation of the projection serves, or it has no such
    /// index.
    fn list_documents(
        &self,
        list: DocumentList,
    ) -> BoxFuture<'_, Result<Seen<Vec<ListedDocument>>, ReadModelsError>>;
}

/// What was read, and how new it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// What was read.
    pub value: T,
    /// The generation it was read from.
    pub generation: GenerationKey,
    /// The log it is built from.
    pub log_id: LogId,
    /// All events up to here are taken into account, save for those behind dead letters.
    pub position: Position,
}

/// Which documents are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentList {
    /// Of which projection.
    pub projection: String,
    /// In which order, and from where on.
    pub order: DocumentOrder,
    /// From the highest to the lowest.
    pub is_descending: bool,
    /// At most so many, and at most [`LIST_ITEMS_MAX`](crate::limits::LIST_ITEMS_MAX).
    pub limit: usize,
}

/// By what documents are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentOrder {
    /// By key, byte by byte.
    Key {
        /// Only keys that begin with this.
        prefix: String,
        /// Only what follows this key, in the direction of the list.
        after: Option<String>,
    },
    /// By the value of an index, then by key.
    Index {
        /// Its name.
        name: String,
        /// Only this value.
        value: Option<IndexValue>,
        /// Only what follows this value and key, in the direction of the list.
        after: Option<(IndexValue, String)>,
    },
}

/// A document of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDocument {
    /// Its key.
    pub key: String,
    /// The value of the index the list is ordered by, if it is.
    pub value: Option<IndexValue>,
    /// The document.
    pub document: Json,
}
