//! The instances of sagas, by type, state and age.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    DocumentList, DocumentOrder, DocumentProjection, DocumentReader, Hosts, IndexValue, ReadModels,
};

use super::Sagas;
use super::error::SagasError;
use super::index::{
    BY_AGE, BY_SAGA, BY_SAGA_AND_STATE, BY_STATE, INDEX, SagaIndex, SagaSummary, in_state, of_saga,
    of_saga_in_state,
};

/// Which instances are asked for, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaList {
    /// Of this saga only.
    pub saga: Option<String>,
    /// In this state only: a name of [`SagaState`](annals_core::SagaState), or `parked` for those
    /// that wait for an operator, which are then in no other state.
    pub state: Option<String>,
    /// Newest first.
    pub is_newest_first: bool,
    /// Those after the page that gave this as [`SagaPage::next`].
    pub after: Option<(String, String)>,
    /// At most so many, and at most [`LIST_ITEMS_MAX`].
    pub limit: usize,
}

/// A page of instances.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaPage {
    /// The instances.
    pub instances: Vec<SagaSummary>,
    /// Where to go on; `None` if there are no more.
    pub next: Option<(String, String)>,
}

impl<S, D> Sagas<S, D>
where
    S: Send + Sync + 'static,
    D: ReadModels + DocumentReader + Hosts<DocumentProjection<SagaIndex>>,
{
    /// A page of instances, as new as the list is: milliseconds old while sagas are run.
    ///
    /// # Errors
    ///
    /// [`SagasError`], whose variants say what to do next.
    pub async fn list(&self, list: &SagaList) -> Result<SagaPage, SagasError> {
        if let Some(saga) = &list.saga {
            self.operator(saga)?;
        }
        let (index, before) = match (&list.saga, &list.state) {
            (Some(saga), Some(state)) => (BY_SAGA_AND_STATE, of_saga_in_state(saga, state)),
            (Some(saga), None) => (BY_SAGA, of_saga(saga)),
            (None, Some(state)) => (BY_STATE, in_state(state)),
            (None, None) => (BY_AGE, String::new()),
        };
        // Values that begin alike lie together: from the first of them on, up to the last.
        let end = if list.is_newest_first { format!("{before}\u{10FFFF}") } else { before.clone() };
        let (value, key) = list.after.clone().unwrap_or((end, String::new()));
        let limit = list.limit.clamp(1, LIST_ITEMS_MAX);
        let listed = self
            .projections
            .models()
            .list_documents(DocumentList {
                projection: INDEX.to_owned(),
                order: DocumentOrder::Index {
                    name: index.to_owned(),
                    value: None,
                    after: Some((IndexValue::Text(value), key)),
                },
                is_descending: list.is_newest_first,
                limit,
            })
            .await?
            .value;
        let is_full = listed.len() == limit;
        let mut instances = Vec::new();
        let mut next = None;
        for document in listed {
            let Some(IndexValue::Text(value)) = document.value else { continue };
            if !value.starts_with(&before) {
                return Ok(SagaPage { instances, next: None });
            }
            let summary = document.document.read();
            let summary = summary.map_err(|source| SagasError::Form { what: INDEX, source })?;
            instances.push(summary);
            next = Some((value, document.key));
        }
        Ok(SagaPage { instances, next: next.filter(|_| is_full) })
    }
}
