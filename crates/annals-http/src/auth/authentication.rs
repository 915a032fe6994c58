//! What a service asks of those who send requests.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use thiserror::Error;

use super::api_key::{ApiKeys, is_api_key};
use super::denied::{CredentialError, Denied};
use super::jwt::Jwt;
use super::principal::Principal;
use super::rate_limit::{Buckets, RateLimit};
use crate::service::Callers;

/// Longest `Authorization` header, in bytes: more than the tokens of the large issuers have, which
/// also have to pass through proxies.
pub const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;

/// Whom a service lets in. Cloning shares everything.
///
/// As long as there is neither an issuer nor any API key, nobody is asked, and everybody may do
/// everything: that is for trying on one machine, and [`Authentication::callers`] sees to it
/// that it stays there. As soon as there is one, everybody must show who they are, also in a
/// process that was started before.
#[derive(Debug, Clone, Default)]
pub struct Authentication {
    api_keys: Option<ApiKeys>,
    jwt: Option<Jwt>,
    buckets: Option<Arc<Buckets>>,
}

/// Others could reach a service that asks nobody who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "other machines can reach {address}, and nobody is asked who they are: create an API key, \
    configure the issuer of tokens, or listen on 127.0.0.1 or [::1]"
)]
pub struct Exposed {
    /// Where the service would listen.
    pub address: SocketAddr,
}

impl Authentication {
    /// Asks nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts these API keys.
    #[must_use]
    pub fn with_api_keys(self, keys: ApiKeys) -> Self {
        Self { api_keys: Some(keys), ..self }
    }

    /// Accepts the tokens of this issuer.
    #[must_use]
    pub fn with_jwt(self, jwt: Jwt) -> Self {
        Self { jwt: Some(jwt), ..self }
    }

    /// Answers no more than so many requests of each principal.
    #[must_use]
    pub fn with_rate_limit(self, limit: RateLimit) -> Self {
        Self { buckets: Some(Arc::new(Buckets::new(limit))), ..self }
    }

    /// Whether everybody must show who they are.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.jwt.is_some() || self.api_keys.as_ref().is_some_and(ApiKeys::exist)
    }

    /// Whose requests are to be answered at the address that a service has bound. To be asked
    /// before it answers anything, and not before it knows its address: what was found out earlier
    /// may be wrong by then.
    ///
    /// # Errors
    ///
    /// [`Exposed`] if other machines can reach it and nobody is asked who they are. Its text says
    /// what to do.
    pub fn callers(&self, address: SocketAddr) -> Result<Callers, Exposed> {
        match self.is_required() {
            true => Ok(Callers::Anywhere),
            false if address.ip().to_canonical().is_loopback() => Ok(Callers::ThisMachine),
            false => Err(Exposed { address }),
        }
    }

    /// Who sends a request with these headers.
    ///
    /// # Errors
    ///
    /// [`Denied`], which is also the answer.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        if !self.is_required() {
            return Ok(Principal::on_this_machine());
        }
        let credential = bearer(headers)?;
        match (&self.api_keys, &self.jwt) {
            (Some(keys), _) if is_api_key(credential) => keys.authenticate(credential),
            (_, Some(jwt)) if !is_api_key(credential) => Ok(jwt.authenticate(credential)?),
            _ => Err(CredentialError::NotAccepted.into()),
        }
    }

    pub(super) fn buckets(&self) -> Option<&Buckets> {
        self.buckets.as_deref()
    }
}

/// What stands behind `Bearer` (RFC 6750, section 2.1), the only place it may stand: addresses and
/// bodies end up in logs.
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::Unauthenticated)?;
    if values.next().is_some() {
        return Err(Denied::Ambiguous);
    }
    let value = value.to_str().map_err(|_| CredentialError::Malformed)?;
    let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::Unauthenticated);
    }
    let credential = credential.trim_matches(' ');
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if value.len() > AUTHORIZATION_BYTES_MAX
        || credential.is_empty()
        || !credential.bytes().all(is_text)
    {
        return Err(CredentialError::Malformed.into());
    }
    Ok(credential)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let value = |text: &&str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        values.iter().map(|text| (header::AUTHORIZATION, value(text))).collect()
    }

    #[test]
    fn a_credential_stands_behind_bearer_and_nowhere_else() {
        for value in ["Bearer a.b-c_d~e+f/g=", "bearer a.b-c_d~e+f/g=", "BEARER  a.b-c_d~e+f/g= "] {
            assert_eq!(bearer(&headers(&[value])), Ok("a.b-c_d~e+f/g="), "{value}");
        }
        for value in ["", "Basic YTpi", "Bearera", "annals_1_2"] {
            assert_eq!(bearer(&headers(&[value])), Err(Denied::Unauthenticated), "{value}");
        }
        let long = format!("Bearer {}", "a".repeat(AUTHORIZATION_BYTES_MAX));
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \u{fc}", &long] {
            let malformed = Err(CredentialError::Malformed.into());
            assert_eq!(bearer(&headers(&[value])), malformed, "{value}");
        }
        assert_eq!(bearer(&headers(&[])), Err(Denied::Unauthenticated));
        assert_eq!(bearer(&headers(&["Bearer a", "Bearer a"])), Err(Denied::Ambiguous));
    }

    #[test]
    fn nobody_is_asked_on_loopback_only() {
        let nobody_is_asked = Authentication::new();
        for text in ["127.0.0.1:3000", "127.9.9.9:1", "[::1]:3000", "[::ffff:127.0.0.1]:1"] {
            let callers = nobody_is_asked.callers(text.parse().unwrap());
            assert_eq!(callers, Ok(Callers::ThisMachine), "{text}");
        }
        for text in ["0.0.0.0:3000", "[::]:3000", "192.168.1.1:80", "[::ffff:10.0.0.1]:1"] {
            let address = text.parse().unwrap();
            let refused = Err(Exposed { address });
            assert_eq!(nobody_is_asked.callers(address), refused, "{text}");
        }
        let principal = nobody_is_asked.authenticate(&HeaderMap::new()).unwrap();
        assert_eq!(principal, Principal::on_this_machine());
    }
}
