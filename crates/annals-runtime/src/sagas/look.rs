//! Looking after instances that nobody is at work on: timers that are due, and what was left behind
//! by a process that ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::telemetry::is_measured;
use annals_core::{
    ApplyError, BoxFuture, Clock, DocumentChanges, DocumentList, DocumentOrder, DocumentProjection,
    DocumentReader, Generation, GenerationState, IndexValue, Partition, ReadModelsError,
    RecordedStep, SagaEvent, SagaState, StreamId,
};

use chrono::TimeDelta;
use tokio::time::Instant;

use super::crew::{Crew, Instance};
use super::index::{
    AnySagaEvent, BY_ATTENTION, BY_SAGA_AND_STATE, INDEX, LEFT_BEHIND, PARKED, SagaIndex,
    SagaSummary, of_saga_in_state,
};
use super::runner::Looks;
use super::telemetry;
use crate::projections::{Beside, with_causes};

/// Instances that are asked for at once.
const PAGE: usize = 200;

/// How often instances are counted, if anybody wants to know.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// The states that are counted: those of instances that have not ended.
const LIVE: [&str; 5] = [
    SagaState::Running.as_str(),
    SagaState::Completing.as_str(),
    SagaState::Compensating.as_str(),
    SagaState::Failing.as_str(),
    PARKED,
];

/// Looks after the instances of all sagas.
pub(super) struct Lookout {
    pub(super) crew: Arc<Crew>,
    pub(super) reader: Arc<dyn DocumentReader>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runners: HashMap<&'static str, Arc<dyn Looks>>,
}

impl Lookout {
    /// Tells that there are none: another process tells how many there are.
    fn hand_over(&self) {
        for saga in self.runners.keys() {
            for state in LIVE {
                telemetry::instances(saga, state, 0);
            }
            telemetry::oldest(saga, TimeDelta::zero());
        }
    }

    /// Tells how many instances stand how, and for how long.
    async fn count(&self) -> Result<(), ReadModelsError> {
        for saga in self.runners.keys() {
            let mut oldest = None;
            for state in LIVE {
                let before = of_saga_in_state(saga, state);
                let list = DocumentList {
                    projection: INDEX.to_owned(),
                    order: DocumentOrder::Index {
                        name: BY_SAGA_AND_STATE.to_owned(),
                        value: None,
                        after: Some((IndexValue::Text(before.clone()), String::new())),
                    },
                    is_descending: false,
                    limit: LIST_ITEMS_MAX,
                };
                let listed = self.reader.list_documents(list).await?.value;
                let is_so = |value: &Option<IndexValue>| match value {
                    Some(IndexValue::Text(text)) => text.starts_with(&before),
                    _ => false,
                };
                let count = listed.iter().take_while(|listed| is_so(&listed.value)).count();
                telemetry::instances(saga, state, count);
                if let Some(first) = listed.first().filter(|_| count > 0)
                    && let Ok(summary) = first.document.read::<SagaSummary>()
                {
                    oldest = oldest.min(Some(summary.since)).or(Some(summary.since));
                }
            }
            let age = oldest.map_or(TimeDelta::zero(), |since| self.clock.now() - since);
            telemetry::oldest(saga, age);
        }
        Ok(())
    }

    /// Looks around again and again, until it is over.
    pub(super) async fn run(&self) {
        let mut counted = None::<Instant>;
        loop {
            match self.look_around().await {
                // It is being built for the first time.
                Ok(()) | Err(ReadModelsError::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!(error = with_causes(&error), "sagas cannot be looked after");
                }
            }
            // One process does it for all.
            if !is_measured() || !self.crew.has_first() {
                if counted.take().is_some() {
                    self.hand_over();
                }
            } else if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
                match self.count().await {
                    Ok(()) => counted = Some(Instant::now()),
                    // It is being built for the first time.
                    Err(ReadModelsError::NotFound { .. }) => {}
                    Err(error) => {
                        counted = Some(Instant::now());
                        tracing::debug!(error = with_causes(&error), "sagas cannot be counted");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.crew.options.look_every) => {}
                () = self.crew.ended() => break,
            }
        }
        // Another process will tell, and whoever collects must not believe both.
        if counted.is_some() {
            self.hand_over();
        }
    }

    /// Takes up what needs somebody now, as far as there is room; most urgent first.
    async fn look_around(&self) -> Result<(), ReadModelsError> {
        // Whoever had what was just got will not finish it.
        let has_grown = self.crew.take_growth();
        let ahead = if has_grown { LEFT_BEHIND } else { TimeDelta::zero() };
        let until = self.clock.now() + ahead;
        let mut after = None;
        while self.crew.has_room() && !self.crew.is_over() {
            let list = DocumentList {
                projection: INDEX.to_owned(),
                order: DocumentOrder::Index { name: BY_ATTENTION.to_owned(), value: None, after },
                is_descending: false,
                limit: PAGE,
            };
            let page = self.reader.list_documents(list).await?.value;
            let is_last = page.len() < PAGE;
            after = page.last().and_then(|last| Some((last.value.clone()?, last.key.clone())));
            for listed in page {
                let is_due = matches!(
                    &listed.value,
                    Some(IndexValue::Number(at)) if *at <= until.timestamp_millis()
                );
                if !is_due {
                    return Ok(());
                }
                match listed.document.read::<SagaSummary>() {
                    Ok(summary) => self.look_at(&summary),
                    Err(error) => tracing::warn!(key = listed.key, %error, "an odd document"),
                }
            }
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    fn look_at(&self, summary: &SagaSummary) {
        let is_timely = summary.due_at().is_some_and(|due_at| due_at <= self.clock.now());
        let Ok(stream) = StreamId::new(summary.saga.as_str(), summary.id.as_str()) else { return };
        self.look(&stream, is_timely);
    }

    /// Has an instance looked at, if this process looks after it; also one that somebody here is at
    /// work on, if `is_urgent`.
    fn look(&self, stream: &StreamId, is_urgent: bool) {
        let Some(runner) = self.runners.get(stream.aggregate_type()) else { return };
        let instance: Instance = (runner.saga(), Arc::from(stream.aggregate_id()));
        if !self.crew.owns(stream) || (self.crew.is_in_hand(&instance) && !is_urgent) {
            return;
        }
        if let Some(hand) = self.crew.take_whole(&instance) {
            self.crew.spawn(runner.clone().look(hand, instance.1));
        }
    }

    /// Whether an event gives this process something to do that it does not know of.
    fn is_news(&self, stream: &StreamId, event: &AnySagaEvent) -> bool {
        let Some(runner) = self.runners.get(stream.aggregate_type()) else { return false };
        if matches!(event, SagaEvent::RetryOrdered { .. } | SagaEvent::CompensationOrdered { .. }) {
            return true;
        }
        let instance: Instance = (runner.saga(), Arc::from(stream.aggregate_id()));
        event.steps().iter().any(|step| match step {
            RecordedStep::Dispatch { number, .. } => !self.crew.knows(&instance, *number),
            _ => false,
        })
    }
}

/// Looks at what comes into the list, as soon as it is there.
impl Beside<DocumentProjection<SagaIndex>> for Lookout {
    fn before<'a>(
        &'a self,
        _: &'a DocumentChanges<AnySagaEvent>,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async { Ok(()) })
    }

    fn after(&self, generation: &Generation, changes: &DocumentChanges<AnySagaEvent>) {
        if generation.state != GenerationState::Serving {
            return;
        }
        for event in &changes.events {
            if self.is_news(&event.stream, &event.event) {
                let is_order = event.event.steps().is_empty();
                self.look(&event.stream, is_order);
            }
        }
    }

    fn holds(&self, generation: &Generation, partitions: Vec<Partition>) {
        if generation.state == GenerationState::Serving {
            self.crew.set_share(partitions.into_iter().collect(), generation.partitions);
        }
    }
}
