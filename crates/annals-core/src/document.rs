//! Read models without SQL: documents by key.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::append::BoxError;
use crate::domain_event::DomainEvent;
use crate::event::EventEnvelope;
use crate::limits::{DOCUMENT_KEY_BYTES_MAX, LimitError, check_length};
use crate::projection::{Projection, types_of};
use crate::query::EventQuery;

/// A read model of documents: a serde value for each key, changed by the events that concern it.
///
/// For whoever needs no SQL. Documents are fetched by key, and listed by key or by a field that
/// [`indexes`](Documents::indexes) declares. Wrapped as [`DocumentProjection`] it is a
/// [`Projection`] that every read database can host.
pub trait Documents: Send + Sync + 'static {
    /// As [`Projection::NAME`].
    const NAME: &'static str;
    /// As [`Projection::VERSION`]; also to be raised when the form of the documents changes.
    const VERSION: u32;
    /// As [`Projection::SAME_AS`].
    const SAME_AS: &'static [u32] = &[];
    /// As [`Projection::PARTITIONS`]: more than 1 only if each key belongs to one stream.
    const PARTITIONS: u16 = 1;

    /// The events that concern the documents.
    type Event: DomainEvent;
    /// What is kept for a key.
    type Document: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The keys of all documents that `event` concerns: those, and no others, can be looked at and
    /// changed by [`apply`](Documents::apply). A key is text of 1 to
    /// [`DOCUMENT_KEY_BYTES_MAX`] bytes.
    fn keys(&self, event: &EventEnvelope<Self::Event>) -> Vec<String>;

    /// Changes the documents by an event.
    ///
    /// # Errors
    ///
    /// An event that cannot be made sense of, as in [`Projection::project`].
    fn apply(
        &self,
        event: &EventEnvelope<Self::Event>,
        documents: &mut DocumentSet<Self::Document>,
    ) -> Result<(), BoxError>;

    /// Fields by which documents are listed, at most
    /// [`DOCUMENT_INDEXES_MAX`](crate::limits::DOCUMENT_INDEXES_MAX).
    fn indexes(&self) -> &'static [DocumentIndex<Self::Document>] {
        &[]
    }
}

/// A field by which documents can be listed.
#[derive(Debug)]
pub struct DocumentIndex<D> {
    /// Its name, `a-z 0-9 _`.
    pub name: &'static str,
    /// Its value in a document; a document without one is not listed by this field.
    pub value: fn(&D) -> Option<IndexValue>,
}

/// A value that documents are ordered by. Numbers come before texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexValue {
    /// Ordered as a number.
    Number(i64),
    /// Ordered byte by byte. At most
    /// [`DOCUMENT_KEY_BYTES_MAX`] bytes.
    Text(String),
}

/// The documents that some events concern, while they are applied.
#[derive(Debug)]
pub struct DocumentSet<D> {
    documents: BTreeMap<String, Entry<D>>,
    /// The keys of the event that is being applied; the others are out of its sight.
    concerned: Option<Vec<String>>,
}

#[derive(Debug)]
struct Entry<D> {
    document: Option<D>,
    is_changed: bool,
}

impl<D> DocumentSet<D> {
    /// The documents that there are, by key; `None` for a key without one.
    pub fn new(documents: impl IntoIterator<Item = (String, Option<D>)>) -> Self {
        let entry = |(key, document)| (key, Entry { document, is_changed: false });
        Self { documents: documents.into_iter().map(entry).collect(), concerned: None }
    }

    /// The document with this key, if there is one.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&D> {
        self.documents.get(key).filter(|_| self.is_concerned(key))?.document.as_ref()
    }

    /// Keeps `document` under this key, in place of the one there may be.
    ///
    /// # Errors
    ///
    /// [`UndeclaredKey`] if [`Documents::keys`] did not name the key.
    pub fn put(&mut self, key: &str, document: D) -> Result<(), UndeclaredKey> {
        self.replace(key, Some(document))
    }

    /// Removes the document with this key, if there is one.
    ///
    /// # Errors
    ///
    /// [`UndeclaredKey`] if [`Documents::keys`] did not name the key.
    pub fn remove(&mut self, key: &str) -> Result<(), UndeclaredKey> {
        self.replace(key, None)
    }

    fn replace(&mut self, key: &str, document: Option<D>) -> Result<(), UndeclaredKey> {
        let is_concerned = self.is_concerned(key);
        let entry = self.documents.get_mut(key).filter(|_| is_concerned);
        let entry = entry.ok_or_else(|| UndeclaredKey { key: key.to_owned() })?;
        *entry = Entry { document, is_changed: true };
        Ok(())
    }

    fn is_concerned(&self, key: &str) -> bool {
        self.concerned.as_ref().is_none_or(|keys| keys.iter().any(|concerned| concerned == key))
    }

    /// What was put and removed, by key.
    pub fn changed(&self) -> impl Iterator<Item = (&str, Option<&D>)> {
        self.documents
            .iter()
            .filter(|(_, entry)| entry.is_changed)
            .map(|(key, entry)| (key.as_str(), entry.document.as_ref()))
    }
}

/// A document was changed that is not among those the event was said to concern. Add its key to
/// [`Documents::keys`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the document {key:?} is not among the keys of the event")]
pub struct UndeclaredKey {
    /// The key.
    pub key: String,
}

/// [`Documents`] as a [`Projection`].
#[derive(Debug)]
pub struct DocumentProjection<D>(
    /// The documents.
    pub D,
);

impl<D: Documents> DocumentProjection<D> {
    /// Applies `changes` to `documents`, which are those of all its keys: what every read database
    /// does between reading and writing them. Each event sees the documents it concerns and no
    /// others, so that the outcome does not depend on which events came together.
    ///
    /// # Errors
    ///
    /// That of [`Documents::apply`]; `documents` are of no use then.
    pub fn apply(
        &self,
        changes: &DocumentChanges<D::Event>,
        documents: &mut DocumentSet<D::Document>,
    ) -> Result<(), BoxError> {
        for event in &changes.events {
            documents.concerned = Some(self.0.keys(event));
            self.0.apply(event, documents)?;
        }
        documents.concerned = None;
        Ok(())
    }
}

impl<D: Documents> Projection for DocumentProjection<D> {
    const NAME: &'static str = D::NAME;
    const VERSION: u32 = D::VERSION;
    const SAME_AS: &'static [u32] = D::SAME_AS;
    const PARTITIONS: u16 = D::PARTITIONS;
    type Event = D::Event;
    type Changes = DocumentChanges<D::Event>;

    fn project(
        &self,
        event: EventEnvelope<D::Event>,
        changes: &mut Self::Changes,
    ) -> Result<(), BoxError> {
        for key in self.0.keys(&event) {
            check_length("document key", key.len(), DOCUMENT_KEY_BYTES_MAX)?;
            if key.is_empty() {
                return Err(LimitError::Empty { what: "document key" }.into());
            }
            changes.keys.insert(key);
        }
        changes.events.push(event);
        Ok(())
    }

    fn query(&self) -> Result<EventQuery, LimitError> {
        types_of::<D::Event>()
    }
}

/// Events to be applied to documents once these are known.
#[derive(Debug)]
pub struct DocumentChanges<E> {
    /// The events, in their order.
    pub events: Vec<EventEnvelope<E>>,
    /// The keys of all documents that they concern.
    pub keys: BTreeSet<String>,
}

impl<E> Default for DocumentChanges<E> {
    fn default() -> Self {
        Self { events: Vec::new(), keys: BTreeSet::new() }
    }
}
