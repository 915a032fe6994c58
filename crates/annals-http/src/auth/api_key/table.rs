//! All keys of a log in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use annals_core::{EventEnvelope, EventStore, LimitError, Position, types_of};
use annals_runtime::{Subscription, SubscriptionError};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::aggregate::ApiKeyEvent;
use super::secret::{Digest, KeyId};
use crate::auth::denied::CredentialError;
use crate::auth::principal::{Principal, Proof, Subject};
use crate::auth::role::Roles;

/// How exactly the last use of a key is known, in seconds: a key that sends a thousand requests a
/// second changes one number once a minute.
const LAST_USED_SECONDS: i64 = 60;

/// What can be told about a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyEntry {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub subject: Subject,
    /// What it permits.
    pub roles: Roles,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// From when on it is not accepted any more, if ever.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is not accepted any more, because somebody said so.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key that was created.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) entry: ApiKeyEntry,
    principal: Principal,
    digest: Digest,
    /// In seconds since 1970, or 0.
    last_used: AtomicI64,
}

impl Key {
    /// Who sends `key`, which names this key, at this time.
    pub(super) fn check(
        &self,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Principal, CredentialError> {
        // The secret comes first: who does not have it is told nothing about the key.
        if !self.digest.is_of(key) || self.entry.revoked_at.is_some() {
            return Err(CredentialError::UnknownKey);
        }
        if self.entry.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(CredentialError::KeyExpired);
        }
        let (now, last) = (now.timestamp(), self.last_used.load(Ordering::Relaxed));
        if now - last >= LAST_USED_SECONDS {
            self.last_used.store(now, Ordering::Relaxed);
        }
        Ok(self.principal.clone())
    }

    /// When it was last accepted by this process, to the minute.
    pub(super) fn last_used(&self) -> Option<DateTime<Utc>> {
        let seconds = self.last_used.load(Ordering::Relaxed);
        DateTime::from_timestamp(seconds, 0).filter(|_| seconds > 0)
    }
}

/// All keys that were ever created.
#[derive(Debug, Default)]
pub(super) struct Table {
    keys: HashMap<KeyId, Arc<Key>>,
}

pub(super) type Envelope = EventEnvelope<ApiKeyEvent>;

/// Everything that ever happens to keys.
pub(super) fn subscription(
    store: Arc<dyn EventStore>,
) -> Result<Subscription<Envelope>, LimitError> {
    Ok(Subscription::new(store, types_of::<ApiKeyEvent>()?).typed())
}

impl Table {
    /// Reads to the end of the log, and says how far that is.
    pub(super) async fn catch_up(
        &mut self,
        subscription: &mut Subscription<Envelope>,
    ) -> Result<Position, SubscriptionError> {
        const PAGE_EVENTS: usize = 1_000;
        while let Some(batch) = subscription.try_next_batch(PAGE_EVENTS).await? {
            self.apply(batch.events);
        }
        Ok(subscription.checkpoint().position)
    }

    pub(super) fn apply(&mut self, events: impl IntoIterator<Item = Envelope>) {
        for envelope in events {
            self.apply_one(envelope);
        }
    }

    fn apply_one(&mut self, envelope: Envelope) {
        let Ok(id) = envelope.stream.aggregate_id().parse::<KeyId>() else {
            // Nobody can present a key whose id is none.
            tracing::warn!(stream = %envelope.stream, "an API key has an id that is none");
            return;
        };
        match envelope.event {
            ApiKeyEvent::ApiKeyCreated { subject, roles, expires_at, sha256, created_at } => {
                let principal = Principal::new(subject.clone(), Proof::ApiKey(id), roles.clone());
                let entry =
                    ApiKeyEntry { id, subject, roles, created_at, expires_at, revoked_at: None };
                let last_used = AtomicI64::new(0);
                let key = Key { entry, principal, digest: sha256, last_used };
                self.keys.insert(id, Arc::new(key));
            }
            ApiKeyEvent::ApiKeyRevoked { revoked_at } => {
                if let Some(key) = self.keys.get_mut(&id) {
                    *key = Arc::new(key.revoked(revoked_at));
                }
            }
        }
    }

    pub(super) fn find(&self, id: &KeyId) -> Option<Arc<Key>> {
        self.keys.get(id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values()
    }
}

impl Key {
    fn revoked(&self, revoked_at: DateTime<Utc>) -> Self {
        Self {
            entry: ApiKeyEntry { revoked_at: Some(revoked_at), ..self.entry.clone() },
            principal: self.principal.clone(),
            digest: self.digest,
            last_used: AtomicI64::new(self.last_used.load(Ordering::Relaxed)),
        }
    }
}
