//! The timers of all sagas.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{DocumentProjection, DocumentReader, Hosts, IndexValue, ReadModels};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Sagas;
use super::cursor::SagaCursor;
use super::error::SagasError;
use super::index::{BY_TIMER, INDEX, SagaIndex, SagaSummary, TimerSummary};

/// Which timers are asked for.
///
/// They come by instance: first that whose next timer is due first, with all that are asked for of
/// its timers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimerList {
    /// In this state only.
    pub state: Option<TimerState>,
    /// Those after the page that gave this as [`TimerPage::next`].
    pub after: Option<SagaCursor>,
    /// At most those of so many instances, and at most [`LIST_ITEMS_MAX`]; no further instance once
    /// a page has as many timers.
    pub limit: usize,
}

/// Whether it is time for a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerState {
    /// It is to fire: within a second while sagas are run, unless it is parked.
    Due,
    /// Its time is to come.
    Pending,
}

/// A timer that has not fired, and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SagaTimer {
    /// Which saga.
    pub saga: String,
    /// Which instance of it.
    pub id: String,
    /// The timer.
    #[serde(flatten)]
    pub timer: TimerSummary,
    /// Whether it is time for it.
    pub state: TimerState,
}

/// A page of timers.
#[derive(Debug, Clone, PartialEq)]
pub struct TimerPage {
    /// The timers.
    pub timers: Vec<SagaTimer>,
    /// Where to go on; `None` if there are no more. A page may have no timers and still have more
    /// to come.
    pub next: Option<SagaCursor>,
}

impl<S, D> Sagas<S, D>
where
    S: Send + Sync + 'static,
    D: ReadModels + DocumentReader + Hosts<DocumentProjection<SagaIndex>>,
{
    /// A page of timers, as new as the list of instances is: milliseconds old while sagas are run.
    ///
    /// # Errors
    ///
    /// [`SagasError`], whose variants say what to do next.
    pub async fn timers(&self, list: &TimerList) -> Result<TimerPage, SagasError> {
        let now = self.clock.now();
        let limit = list.limit.clamp(1, LIST_ITEMS_MAX);
        let listed = self.listed(BY_TIMER, list.after.clone(), false, limit).await?;
        let is_full = listed.len() == limit;
        let (mut timers, mut next) = (Vec::new(), None);
        for document in listed {
            let Some(value) = document.value else { continue };
            let is_pending = value > IndexValue::Number(now.timestamp_millis());
            if is_pending && list.state == Some(TimerState::Due) {
                return Ok(TimerPage { timers, next: None });
            }
            let summary = document.document.read::<SagaSummary>();
            let summary = summary.map_err(|source| SagasError::Form { what: INDEX, source })?;
            let of_instance = told(summary, now);
            timers
                .extend(of_instance.filter(|timer| list.state.is_none_or(|it| it == timer.state)));
            next = Some(SagaCursor::new(value, document.key));
            if timers.len() >= limit {
                return Ok(TimerPage { timers, next });
            }
        }
        Ok(TimerPage { timers, next: next.filter(|_| is_full) })
    }
}

/// The timers of an instance, the next one first.
fn told(summary: SagaSummary, now: DateTime<Utc>) -> impl Iterator<Item = SagaTimer> {
    let SagaSummary { saga, id, mut timers, .. } = summary;
    timers.sort_by_key(|timer| timer.due_at);
    timers.into_iter().map(move |timer| {
        let state = if timer.due_at <= now { TimerState::Due } else { TimerState::Pending };
        SagaTimer { saga: saga.clone(), id: id.clone(), timer, state }
    })
}
