//! The keys a service accepts, kept up to date while it runs.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use annals_core::{Clock, EventStore, Position};
use annals_runtime::{Batch, Subscription, SubscriptionError};
use tokio::sync::watch;

use super::last_used::{LastUsed, LastUses};
use super::registry::ApiKeyError;
use super::secret::id_of;
use super::table::{Envelope, Table, subscription};
use crate::auth::denied::{CredentialError, Denied};
use crate::auth::principal::Principal;

/// Events that are taken at once.
const PAGE_EVENTS: usize = 1_000;

/// Shortest time between two looks at the log.
///
/// In a log that is busy with other things, each look reads what is new there. One a second costs
/// next to nothing, and a revoked key is good for a second longer at most.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the times of last use are written down.
const LAST_USED_EVERY: Duration = Duration::from_secs(60);

/// The keys that a service accepts, in memory.
///
/// [`ApiKeyFollower`] keeps them as new as the log. A key that was revoked is refused about a
/// second after that at the latest, in every process. If the log cannot be read for half a minute,
/// no key is accepted until it can: one of them may have been revoked.
///
/// Cloning shares everything.
#[derive(Clone)]
pub struct ApiKeys(Arc<Shared>);

struct Shared {
    table: RwLock<Table>,
    clock: Arc<dyn Clock>,
    /// How far the log is known; nothing while it cannot be read.
    reached: watch::Sender<Option<Position>>,
}

/// Keeps [`ApiKeys`] up to date, by [`ApiKeyFollower::run`].
#[must_use = "without it running, revoked keys stay good"]
pub struct ApiKeyFollower {
    keys: ApiKeys,
    subscription: Subscription<Envelope>,
    last_used: Option<Arc<dyn LastUsed>>,
}

impl ApiKeys {
    /// Reads all keys of a log. To be done before a service begins to listen.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Log`].
    pub async fn load(
        store: Arc<dyn EventStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, ApiKeyFollower), ApiKeyError> {
        let mut subscription =
            subscription(store).map_err(|error| ApiKeyError::Log(error.into()))?;
        let mut table = Table::default();
        let position = table.catch_up(&mut subscription).await?;
        let (reached, _) = watch::channel(Some(position));
        let keys = Self(Arc::new(Shared { table: RwLock::new(table), clock, reached }));
        let follower = ApiKeyFollower { keys: keys.clone(), subscription, last_used: None };
        Ok((keys, follower))
    }

    /// Whether a key was ever created, and be it revoked: somebody wants to know who is who.
    #[must_use]
    pub fn exist(&self) -> bool {
        self.read().len() > 0
    }

    /// Waits until everything up to `position` of the log is known here.
    pub async fn reached(&self, position: Position) {
        let mut reached = self.0.reached.subscribe();
        // The sender lives as long as this handle.
        let _ = reached.wait_for(|reached| reached.is_some_and(|it| it >= position)).await;
    }

    /// Who sends this key.
    pub(in crate::auth) fn authenticate(&self, key: &str) -> Result<Principal, Denied> {
        if self.0.reached.borrow().is_none() {
            return Err(Denied::Unavailable);
        }
        let id = id_of(key).ok_or(CredentialError::Malformed)?;
        let known = self.read().find(&id).ok_or(CredentialError::UnknownKey)?;
        Ok(known.check(key, self.0.clock.now())?)
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, batch: Batch<Envelope>) {
        self.write().apply(batch.events);
        // Behind the end there may be a revocation.
        if !batch.has_more {
            self.0.reached.send_replace(Some(batch.checkpoint.position));
        }
    }

    fn distrust(&self, error: &SubscriptionError) {
        if self.0.reached.send_replace(None).is_some() {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "API keys are not accepted until their log can be read");
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("ApiKeys");
        debug.field("keys", &self.read().len()).field("reached", &*self.0.reached.borrow());
        debug.finish_non_exhaustive()
    }
}

impl ApiKeyFollower {
    /// Has `place` know when each key was last used, once a minute and at the end.
    pub fn last_used(self, place: Arc<dyn LastUsed>) -> Self {
        Self { last_used: Some(place), ..self }
    }

    /// Follows the log until `shutdown`.
    ///
    /// # Cancellation
    ///
    /// Dropped instead, it follows no more, and the last minute's uses are not written down.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { keys, subscription, last_used } = self;
        let mut diary =
            last_used.map(|place| Diary { keys: keys.clone(), place, written: LastUses::new() });
        tokio::select! {
            () = shutdown => {}
            never = follow(&keys, subscription) => match never {},
            never = write_often(diary.as_mut()) => match never {},
        }
        if let Some(diary) = &mut diary {
            diary.write().await;
        }
    }
}

impl fmt::Debug for ApiKeyFollower {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("ApiKeyFollower");
        debug.field("subscription", &self.subscription).field("last_used", &self.last_used);
        debug.finish_non_exhaustive()
    }
}

async fn follow(keys: &ApiKeys, mut subscription: Subscription<Envelope>) -> Infallible {
    loop {
        let is_trusted = keys.0.reached.borrow().is_some();
        let batch = match is_trusted {
            true => subscription.next_batch(PAGE_EVENTS).await.map(Some),
            // It may be that nothing new will come, and that this alone is to be learned.
            false => subscription.try_next_batch(PAGE_EVENTS).await,
        };
        let has_more = batch.as_ref().is_ok_and(|it| it.as_ref().is_some_and(|it| it.has_more));
        match batch {
            Ok(Some(batch)) => keys.take(batch),
            Ok(None) => drop(keys.0.reached.send_replace(Some(subscription.checkpoint().position))),
            Err(error) => keys.distrust(&error),
        }
        if !has_more {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What this process has told of last uses.
struct Diary {
    keys: ApiKeys,
    place: Arc<dyn LastUsed>,
    written: LastUses,
}

impl Diary {
    /// Writes down what has changed. What cannot be written is with what changes next.
    async fn write(&mut self) {
        let used = self.news();
        if used.is_empty() {
            return;
        }
        match self.place.add(used.clone()).await {
            Ok(()) => self.written.extend(used),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the last use of API keys could not be written down");
            }
        }
    }

    fn news(&self) -> LastUses {
        let table = self.keys.read();
        let used = table.keys().filter_map(|key| Some((key.entry.id, key.last_used()?)));
        used.filter(|(id, time)| self.written.get(id) != Some(time)).collect()
    }
}

async fn write_often(diary: Option<&mut Diary>) -> Infallible {
    let Some(diary) = diary else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LAST_USED_EVERY).await;
        diary.write().await;
    }
}

#[cfg(test)]
mod tests {
    use annals_core::{BoxFuture, MemoryStore, SystemClock};
    use annals_testing::{Call, Fault, FaultyStore, ManualClock};
    use chrono::TimeDelta;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::*;
    use crate::auth::api_key::{ApiKeyRegistry, CreatedApiKey, LastUsedError, NewApiKey};
    use crate::auth::principal::Subject;
    use crate::auth::role::Roles;

    async fn create(registry: &ApiKeyRegistry) -> CreatedApiKey {
        let subject = Subject::new("alice").unwrap();
        let new = NewApiKey { subject, roles: Roles::all(), expires_at: None };
        registry.create(new).await.unwrap()
    }

    /// One of them may have been revoked, and nobody here would know.
    #[tokio::test(start_paused = true)]
    async fn no_key_is_accepted_while_the_log_cannot_be_read() {
        let store = FaultyStore::new(MemoryStore::new()).on(Call::WaitPast, 1, Fault::Closed);
        let store: Arc<dyn EventStore> = Arc::new(store);
        let registry = ApiKeyRegistry::new(Arc::clone(&store));
        let key = create(&registry).await.secret;
        let (keys, follower) = ApiKeys::load(store, Arc::new(SystemClock)).await.unwrap();
        assert!(keys.authenticate(key.expose()).is_ok());

        let mut reached = keys.0.reached.subscribe();
        let observed = async {
            reached.wait_for(Option::is_none).await.unwrap();
            assert_eq!(keys.authenticate(key.expose()), Err(Denied::Unavailable));
            assert!(keys.exist(), "it asks all the same");
            reached.wait_for(Option::is_some).await.unwrap();
            assert!(keys.authenticate(key.expose()).is_ok());
        };
        follower.run(observed).await;
    }

    /// Passes on what it is to keep, and keeps it from the second time on.
    #[derive(Debug)]
    struct Place(UnboundedSender<LastUses>, std::sync::atomic::AtomicBool);

    impl LastUsed for Place {
        fn read(&self) -> BoxFuture<'_, Result<LastUses, LastUsedError>> {
            Box::pin(async { Err(LastUsedError::Ending) })
        }

        fn add(&self, used: LastUses) -> BoxFuture<'_, Result<(), LastUsedError>> {
            self.0.send(used).unwrap();
            let was_asked = self.1.swap(true, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async move { was_asked.then_some(()).ok_or(LastUsedError::Ending) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_uses_that_are_new_are_written_down_and_once_a_minute() {
        let clock = Arc::new(ManualClock::default());
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
        let registry = ApiKeyRegistry::with_clock(Arc::clone(&store), clock.clone());
        let (often, once) = (create(&registry).await, create(&registry).await);
        let (keys, follower) = ApiKeys::load(store, clock.clone()).await.unwrap();
        let (place, mut added) = unbounded_channel();
        let follower = follower.last_used(Arc::new(Place(place, false.into())));
        let used = |key: &CreatedApiKey| (key.entry.id, clock.now());
        let observed = async {
            let began = tokio::time::Instant::now();
            for key in [&often, &once, &often] {
                keys.authenticate(key.secret.expose()).unwrap();
            }
            let both = LastUses::from([used(&often), used(&once)]);
            assert_eq!(added.recv().await.unwrap(), both);
            assert_eq!(added.recv().await.unwrap(), both, "it could not be written before");
            assert_eq!(began.elapsed(), 2 * LAST_USED_EVERY);

            clock.advance(TimeDelta::seconds(59));
            keys.authenticate(often.secret.expose()).unwrap();
            let hour = Duration::from_secs(60 * 60);
            assert!(tokio::time::timeout(hour, added.recv()).await.is_err(), "it is known");
            clock.advance(TimeDelta::seconds(1));
            for _ in 0..1_000 {
                keys.authenticate(often.secret.expose()).unwrap();
            }
            assert_eq!(added.recv().await.unwrap(), [used(&often)].into());
            keys.authenticate(often.secret.expose()).unwrap();
        };
        follower.run(observed).await;
        assert_eq!(added.recv().await, None, "nothing is left for the end");
    }
}
