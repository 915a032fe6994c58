//! The instances of sagas, by type, state and age.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    DocumentList, DocumentOrder, DocumentProjection, DocumentReader, Hosts, IndexValue,
    ListedDocument, ReadModels, SagaState,
};
use chrono::{DateTime, Datelike, Utc};

use super::Sagas;
use super::cursor::SagaCursor;
use super::error::SagasError;
use super::index::{
    BY_AGE, BY_SAGA, BY_SAGA_AND_STATE, BY_STATE, INDEX, PARKED, SagaIndex, SagaSummary, age_text,
    in_state, of_saga, of_saga_in_state,
};

/// Which instances are asked for, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaList {
    /// Of this saga only.
    pub saga: Option<String>,
    /// In this state only: one of [`SagaList::STATES`].
    pub state: Option<String>,
    /// Only those that began before this.
    pub began_before: Option<DateTime<Utc>>,
    /// Newest first.
    pub is_newest_first: bool,
    /// Those after the page that gave this as [`SagaPage::next`].
    pub after: Option<SagaCursor>,
    /// At most so many, and at most [`LIST_ITEMS_MAX`].
    pub limit: usize,
}

/// A page of instances.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaPage {
    /// The instances.
    pub instances: Vec<SagaSummary>,
    /// Where to go on; `None` if there are no more.
    pub next: Option<SagaCursor>,
}

impl SagaList {
    /// The states by which instances are listed: those of [`SagaState`], and `parked` for instances
    /// that wait for an operator, which are then in no other.
    pub const STATES: [&'static str; 8] = [
        PARKED,
        SagaState::Running.as_str(),
        SagaState::Completing.as_str(),
        SagaState::Compensating.as_str(),
        SagaState::Failing.as_str(),
        SagaState::Completed.as_str(),
        SagaState::Failed.as_str(),
        SagaState::Abandoned.as_str(),
    ];
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
        // Later years have five digits, and everything that is listed began before them.
        let end = list.began_before.filter(|time| time.year() <= 9_999);
        let end = end.map(|time| before.clone() + &age_text(time));
        // Values that begin alike lie together: from the first of them on, up to the last.
        let begin = match &end {
            Some(end) if list.is_newest_first => end.clone(),
            None if list.is_newest_first => format!("{before}\u{10FFFF}"),
            _ => before.clone(),
        };
        let begin = || SagaCursor::new(IndexValue::Text(begin), "");
        let after = Some(list.after.clone().unwrap_or_else(begin));
        let limit = list.limit.clamp(1, LIST_ITEMS_MAX);
        let listed = self.listed(index, after, list.is_newest_first, limit).await?;
        let is_full = listed.len() == limit;
        let mut instances = Vec::new();
        let mut next = None;
        for document in listed {
            let Some(IndexValue::Text(value)) = document.value else { continue };
            let is_too_young = end.as_ref().is_some_and(|end| value >= *end);
            if !value.starts_with(&before) || is_too_young {
                return Ok(SagaPage { instances, next: None });
            }
            let summary = document.document.read();
            let summary = summary.map_err(|source| SagasError::Form { what: INDEX, source })?;
            instances.push(self.in_words(summary));
            next = Some(SagaCursor::new(IndexValue::Text(value), document.key));
        }
        Ok(SagaPage { instances, next: next.filter(|_| is_full) })
    }

    /// Documents of the list in the order of one of its indexes.
    pub(super) async fn listed(
        &self,
        index: &str,
        after: Option<SagaCursor>,
        is_descending: bool,
        limit: usize,
    ) -> Result<Vec<ListedDocument>, SagasError> {
        let after = after.map(SagaCursor::into_parts);
        let order = DocumentOrder::Index { name: index.to_owned(), value: None, after };
        let list = DocumentList { projection: INDEX.to_owned(), order, is_descending, limit };
        Ok(self.projections.models().list_documents(list).await?.value)
    }

    /// The list knows no types, so rejections stand in it as they are written.
    fn in_words(&self, mut summary: SagaSummary) -> SagaSummary {
        if let Some(operator) = self.operators.get(summary.saga.as_str()) {
            let parked = summary.open.iter_mut().filter_map(|step| step.parked.as_mut());
            for parked in parked.filter(|parked| parked.is_rejected) {
                if let Some(words) = operator.tell(&parked.error) {
                    parked.error = words;
                }
            }
        }
        summary
    }
}
