//! Creating, listing and revoking keys.

use std::fmt;
use std::sync::Arc;

use annals_core::{BoxError, Clock, EventStore, Position, SystemClock};
use annals_runtime::{App, ExecuteError, SubscriptionError};
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::API_KEYS_MAX;
use super::aggregate::{ApiKey, ApiKeyCommand, ApiKeyRejection, Grant};
use super::secret::{ApiKeySecret, Digest, KeyId};
use super::table::{ApiKeyEntry, Table, subscription};
use crate::auth::principal::Subject;
use crate::auth::role::Roles;

/// What a key is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Whose it is: the actor of whatever is done with it.
    pub subject: Subject,
    /// What it permits; at least one.
    pub roles: Roles,
    /// From when on it is not accepted any more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was created. Its secret is nowhere else.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// What can be told about it.
    pub entry: ApiKeyEntry,
    /// The key, to be handed to whoever is to use it.
    pub secret: ApiKeySecret,
    /// The place in the log. [`ApiKeys::reached`](super::ApiKeys::reached) waits for it.
    pub position: Position,
}

/// Keys could not be changed or listed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// There is no such key. List them.
    #[error("there is no API key {id}")]
    NotFound {
        /// What was asked for.
        id: KeyId,
    },
    /// The key would permit nothing. Give it a role.
    #[error("an API key needs a role")]
    NoRoles,
    /// The key would never be accepted. Choose a later time.
    #[error("the API key would have expired at {expires_at} already")]
    ExpiresInThePast {
        /// What was asked for.
        expires_at: DateTime<Utc>,
    },
    /// There are [`API_KEYS_MAX`], revoked ones included. Begin a new log of keys.
    #[error("the log has {API_KEYS_MAX} API keys, and takes no more")]
    TooMany,
    /// The system has no random numbers to make a key of.
    #[error("the system has no random numbers")]
    Random,
    /// The log could not be read or written. Try again; a key that was created without its secret
    /// having been seen is to be revoked.
    #[error("the log of the API keys could not be used")]
    Log(#[source] BoxError),
}

impl From<SubscriptionError> for ApiKeyError {
    fn from(error: SubscriptionError) -> Self {
        Self::Log(error.into())
    }
}

/// Creates, lists and revokes keys in a log: for command lines, and for whoever may do so.
///
/// The log may be the application's own, or one for keys alone. Each key is a stream `api_key/ID`.
pub struct ApiKeyRegistry {
    app: App<()>,
    clock: Arc<dyn Clock>,
}

impl ApiKeyRegistry {
    /// Keys are kept in `store`, and times are the machine's.
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self::with_clock(store, Arc::new(SystemClock))
    }

    /// Keys are kept in `store`, and times are those of `clock`.
    pub fn with_clock(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>) -> Self {
        Self { app: App::new(store, ()), clock }
    }

    /// Creates a key. The answer has the only copy of it.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`], whose variants say what to do.
    pub async fn create(&self, new: NewApiKey) -> Result<CreatedApiKey, ApiKeyError> {
        let now = self.clock.now();
        let NewApiKey { subject, roles, expires_at } = new;
        if roles.is_empty() {
            return Err(ApiKeyError::NoRoles);
        }
        if let Some(expires_at) = expires_at.filter(|expires_at| *expires_at <= now) {
            return Err(ApiKeyError::ExpiresInThePast { expires_at });
        }
        if self.table().await?.len() >= API_KEYS_MAX {
            return Err(ApiKeyError::TooMany);
        }
        let (id, secret) = ApiKeySecret::generate().map_err(|_| ApiKeyError::Random)?;
        let entry = ApiKeyEntry {
            id,
            subject: subject.clone(),
            roles: roles.clone(),
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        let digest = Digest::of(secret.expose());
        let grant = Grant { subject, roles, expires_at, digest, now };
        let position = self.execute(id, ApiKeyCommand::CreateApiKey(grant)).await?;
        Ok(CreatedApiKey { entry, secret, position })
    }

    /// Every key that was ever created, in the order of creation.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Log`].
    pub async fn list(&self) -> Result<Vec<ApiKeyEntry>, ApiKeyError> {
        let table = self.table().await?;
        let mut entries: Vec<_> = table.keys().map(|key| key.entry.clone()).collect();
        entries.sort_by_key(|entry| (entry.created_at, entry.id));
        Ok(entries)
    }

    /// Revokes a key for good. Services notice within seconds ([`ApiKeys`](super::ApiKeys)). One
    /// that is revoked already stays so.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::NotFound`] and [`ApiKeyError::Log`].
    pub async fn revoke(&self, id: KeyId) -> Result<Position, ApiKeyError> {
        let now = self.clock.now();
        self.execute(id, ApiKeyCommand::RevokeApiKey { now }).await
    }

    async fn execute(&self, id: KeyId, command: ApiKeyCommand) -> Result<Position, ApiKeyError> {
        match self.app.execute::<ApiKey>(&id, command).await {
            Ok(executed) => Ok(executed.position),
            Err(ExecuteError::Rejected(ApiKeyRejection::NotFound)) => {
                Err(ApiKeyError::NotFound { id })
            }
            Err(error) => Err(ApiKeyError::Log(error.into())),
        }
    }

    async fn table(&self) -> Result<Table, ApiKeyError> {
        let store = Arc::clone(self.app.store());
        let mut subscription =
            subscription(store).map_err(|error| ApiKeyError::Log(error.into()))?;
        let mut table = Table::default();
        table.catch_up(&mut subscription).await?;
        Ok(table)
    }
}

impl fmt::Debug for ApiKeyRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiKeyRegistry").field("app", &self.app).finish_non_exhaustive()
    }
}
