//! Telling how far behind read models are.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use annals_core::telemetry::{attribute, is_measured, metric};
use annals_core::{
    BoxError, Clock, DeadLetterQuery, EventStore, Generation, ReadModels, ReadModelsError,
    SystemClock,
};
use tokio::time::{Instant, timeout};

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
    /// When the last look succeeded.
    looked: Instant,
    /// What was seen then; what is not there any more is told to be zero.
    told: BTreeMap<Key, Measured>,
}

/// A projection, and what its generations are for.
type Key = (&'static str, &'static str);

#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    seconds: f64,
    events: u64,
    dead_letters: u64,
}

impl Lag {
    pub(super) fn new() -> Self {
        Self { next: Instant::now(), looked: Instant::now(), told: BTreeMap::new() }
    }

    /// Measures if it is time, and somebody listens.
    pub(super) async fn measure(
        &mut self,
        registered: &[Arc<dyn Registered>],
        models: &dyn ReadModels,
        store: &dyn EventStore,
    ) {
        if !is_measured() || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + INTERVAL;
        match timeout(INTERVAL, look(registered, models, store)).await {
            Ok(Ok(seen)) => self.saw(seen),
            Ok(Err(error)) => {
                tracing::debug!(error = &*error as &dyn Error, "lag cannot be measured");
                self.saw_nothing();
            }
            // Whoever measures also has workers to look after.
            Err(_) => self.saw_nothing(),
        }
    }

    fn saw(&mut self, seen: BTreeMap<Key, Measured>) {
        self.looked = Instant::now();
        for key in self.told.keys().filter(|key| !seen.contains_key(*key)) {
            tell(key, Measured::default());
        }
        seen.iter().for_each(|(key, measured)| tell(key, *measured));
        self.told = seen;
    }

    /// Nobody projects while nobody can read or write, so it grows with time.
    fn saw_nothing(&self) {
        let since = self.looked.elapsed().as_secs_f64();
        for (key, measured) in &self.told {
            tell(key, Measured { seconds: measured.seconds + since, ..*measured });
        }
    }
}

async fn look(
    registered: &[Arc<dyn Registered>],
    models: &dyn ReadModels,
    store: &dyn EventStore,
) -> Result<BTreeMap<Key, Measured>, BoxError> {
    let mut seen: BTreeMap<_, Measured> = BTreeMap::new();
    for generation in models.generations().await? {
        let Some(name) = name(registered, &generation) else { continue };
        let status = match models.status(&generation.key).await {
            Ok(status) => status,
            // Retired between the two.
            Err(ReadModelsError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let status = ProjectionStatus::new(store, &SystemClock, status).await?;
        let worst = seen.entry((name, state(&generation))).or_default();
        worst.seconds = worst.seconds.max(status.lag_seconds);
        worst.events = worst.events.max(status.lag_events);
        worst.dead_letters += status.dead_letters;
    }
    for one in registered {
        let labels = [(attribute::PROJECTION, one.name())];
        metric::DEAD_LETTER_AGE.measure(oldest(models, one.name()).await?, &labels);
    }
    Ok(seen)
}

fn tell((name, state): &Key, measured: Measured) {
    let labels = [(attribute::PROJECTION, *name), (attribute::GENERATION_STATE, *state)];
    metric::PROJECTION_LAG_TIME.measure(measured.seconds, &labels);
    metric::PROJECTION_LAG_EVENTS.count(measured.events, &labels);
    metric::DEAD_LETTERS.count(measured.dead_letters, &labels);
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
