//! Who may use the bank while it is served.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use annals::{EventStore, SystemClock};
use annals_http::auth::{
    ApiKeyError, ApiKeyFollower, ApiKeys, Authentication, Jwt, JwtFollower, JwtOptions,
    KeyFileError, RateLimit,
};
use thiserror::Error;

use crate::keys::KeysPlace;
use crate::store::StoreError;

/// What those who use the bank are asked, beside its API keys.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Whose tokens are accepted.
    pub issuer: Option<Issuer>,
    /// How many requests of one principal are answered in a second.
    pub requests_per_second: NonZeroU32,
}

/// An issuer of tokens that the bank trusts.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The file with its public keys.
    pub jwks: PathBuf,
    /// Its name, as it stands in the tokens.
    pub issuer: String,
    /// The name of the bank, as it stands in the tokens.
    pub audience: String,
    /// The claim with the roles, or a JSON pointer to it.
    pub roles_claim: String,
}

/// The means to know who is who cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The log of the API keys cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The API keys cannot be read.
    #[error(transparent)]
    ApiKeys(#[from] ApiKeyError),
    /// The keys of the issuer cannot be used.
    #[error(transparent)]
    Issuer(#[from] KeyFileError),
}

/// Keeps up to date who is who, by [`Followers::run`].
#[derive(Debug, Default)]
#[must_use = "without it running, revoked keys stay good"]
pub struct Followers {
    keys: Option<ApiKeyFollower>,
    jwt: Option<JwtFollower>,
}

/// Who may use the bank whose log is `app_store`. Its keys are at `keys_place`; without one there
/// are none.
///
/// # Errors
///
/// [`AuthenticationError`], whose variants say what to do.
pub async fn open(
    keys_place: Option<&KeysPlace>,
    app_store: &Arc<dyn EventStore>,
    Asking { issuer, requests_per_second }: Asking,
) -> Result<(Authentication, Followers), AuthenticationError> {
    let limit = RateLimit::per_second(requests_per_second);
    let mut authentication = Authentication::new().with_rate_limit(limit);
    let mut followers = Followers::default();
    if let Some(place) = keys_place {
        let store = match place.is_log_itself() {
            true => Arc::clone(app_store),
            false => place.open_to_read().await?,
        };
        let (keys, follower) = ApiKeys::load(store, Arc::new(SystemClock)).await?;
        authentication = authentication.with_api_keys(keys);
        followers.keys = Some(match place.last_used() {
            Some(last_used) => follower.last_used(Arc::clone(last_used)),
            None => follower,
        });
    }
    if let Some(Issuer { jwks, issuer, audience, roles_claim }) = issuer {
        let options = JwtOptions::new(issuer, audience).roles_claim(roles_claim);
        let (jwt, follower) = Jwt::open(jwks, options)?;
        authentication = authentication.with_jwt(jwt);
        followers.jwt = Some(follower);
    }
    Ok((authentication, followers))
}

impl Followers {
    /// Follows what changes until `shutdown`.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let told = || {
            let mut stopped = stopped.clone();
            async move { stopped.wait_for(|it| *it).await.map(drop).unwrap_or_default() }
        };
        let keys = async {
            if let Some(follower) = self.keys {
                follower.run(told()).await;
            }
        };
        let jwt = async {
            if let Some(follower) = self.jwt {
                follower.run(told()).await;
            }
        };
        let stop = async {
            shutdown.await;
            stop.send_replace(true);
        };
        tokio::join!(stop, keys, jwt);
    }
}
