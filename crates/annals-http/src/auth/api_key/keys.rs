//! The keys a service accepts, kept up to date while it runs.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use annals_core::{Clock, EventStore, Position};
use annals_runtime::{Batch, Subscription, SubscriptionError};
use tokio::sync::watch;

use super::last_used::LastUsedFile;
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
    last_used: Option<LastUsedFile>,
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
    /// Writes to `file` when each key was last used, once a minute and at the end.
    pub fn last_used(self, file: LastUsedFile) -> Self {
        Self { last_used: Some(file), ..self }
    }

    /// Follows the log until `shutdown`.
    ///
    /// # Cancellation
    ///
    /// Dropped instead, it follows no more, and the last minute's uses are not written down.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { keys, subscription, last_used } = self;
        tokio::select! {
            () = shutdown => {}
            never = follow(&keys, subscription) => match never {},
            never = write_down_often(&keys, last_used.as_ref()) => match never {},
        }
        if let Some(file) = &last_used {
            write_down(&keys, file).await;
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

async fn write_down_often(keys: &ApiKeys, file: Option<&LastUsedFile>) -> Infallible {
    let Some(file) = file else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LAST_USED_EVERY).await;
        write_down(keys, file).await;
    }
}

async fn write_down(keys: &ApiKeys, file: &LastUsedFile) {
    let used =
        keys.read().keys().filter_map(|key| Some((key.entry.id, key.last_used()?))).collect();
    if let Err(error) = file.add(used).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the last use of API keys could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use annals_core::{MemoryStore, SystemClock};
    use annals_testing::{Call, Fault, FaultyStore};

    use super::*;
    use crate::auth::api_key::{ApiKeyRegistry, NewApiKey};
    use crate::auth::principal::Subject;
    use crate::auth::role::Roles;

    /// One of them may have been revoked, and nobody here would know.
    #[tokio::test(start_paused = true)]
    async fn no_key_is_accepted_while_the_log_cannot_be_read() {
        let store = FaultyStore::new(MemoryStore::new()).on(Call::WaitPast, 1, Fault::Closed);
        let store: Arc<dyn EventStore> = Arc::new(store);
        let registry = ApiKeyRegistry::new(Arc::clone(&store));
        let subject = Subject::new("alice").unwrap();
        let new = NewApiKey { subject, roles: Roles::all(), expires_at: None };
        let key = registry.create(new).await.unwrap().secret;
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
}
