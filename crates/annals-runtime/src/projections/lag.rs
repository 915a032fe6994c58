//! Telling how far behind read models are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_core::telemetry::{attribute, is_on, metric};
use annals_core::{
    Clock, DeadLetterQuery, EventStore, Generation, ReadModels, ReadModelsError, SystemClock,
};
use tokio::time::Instant;

use super::registration::Registered;
use super::status::ProjectionStatus;
use super::telemetry::state;

/// Pause between two measurements.
///
/// Each asks the database a few short questions one after the other, so it never takes a second
/// connection; more often than it is exported would be for nothing.
const INTERVAL: Duration = Duration::from_secs(5);

/// Measures lag, whatever the workers do: it also grows while they stand still.
#[derive(Debug)]
pub(super) struct Lag {
    next: Instant,
    /// What was told last; what is not there any more is told to be zero.
    told: BTreeMap<(&'static str, &'static str), Measured>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    seconds: f64,
    events: u64,
    dead_letters: u64,
}

impl Lag {
    pub(super) fn new() -> Self {
        Self { next: Instant::now(), told: BTreeMap::new() }
    }

    /// Measures if it is time, and somebody listens.
    pub(super) async fn measure(
        &mut self,
        registered: &[Arc<dyn Registered>],
        models: &dyn ReadModels,
        store: &dyn EventStore,
    ) {
        if !is_on() || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + INTERVAL;
        if let Err(error) = self.look(registered, models, store).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "lag cannot be measured");
        }
    }

    async fn look(
        &mut self,
        registered: &[Arc<dyn Registered>],
        models: &dyn ReadModels,
        store: &dyn EventStore,
    ) -> Result<(), ReadModelsError> {
        let mut now: BTreeMap<_, Measured> = BTreeMap::new();
        for generation in models.generations().await? {
            let Some(name) = name(registered, &generation) else { continue };
            let status = match models.status(&generation.key).await {
                Ok(status) => status,
                // Retired between the two.
                Err(ReadModelsError::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            let Ok(status) = ProjectionStatus::new(store, &SystemClock, status).await else {
                return Ok(());
            };
            let worst = now.entry((name, state(&generation))).or_default();
            worst.seconds = worst.seconds.max(status.lag_seconds);
            worst.events = worst.events.max(status.lag_events);
            worst.dead_letters += status.dead_letters;
        }
        for key in self.told.keys() {
            now.entry(*key).or_default();
        }
        for ((name, state), measured) in &now {
            let labels = [(attribute::PROJECTION, *name), (attribute::GENERATION_STATE, *state)];
            metric::PROJECTION_LAG_TIME.measure(measured.seconds, &labels);
            metric::PROJECTION_LAG_EVENTS.count(measured.events, &labels);
            metric::DEAD_LETTERS.count(measured.dead_letters, &labels);
        }
        for one in registered {
            let labels = [(attribute::PROJECTION, one.name())];
            metric::DEAD_LETTER_AGE.measure(oldest(models, one.name()).await?, &labels);
        }
        self.told = now;
        Ok(())
    }
}

/// The name in the program, which is one of few.
fn name(registered: &[Arc<dyn Registered>], generation: &Generation) -> Option<&'static str> {
    let found = registered.iter().find(|one| one.name() == generation.key.projection);
    found.map(|one| one.name())
}

/// For how long the oldest dead letter has stood, in seconds.
async fn oldest(models: &dyn ReadModels, projection: &str) -> Result<f64, ReadModelsError> {
    let query = DeadLetterQuery {
        projection: Some(projection.to_owned()),
        limit: 1,
        ..DeadLetterQuery::default()
    };
    let letters = models.dead_letters(query).await?;
    let age = letters.first().map(|oldest| SystemClock.now().signed_duration_since(oldest.since));
    Ok(age.and_then(|age| age.to_std().ok()).unwrap_or_default().as_secs_f64())
}
