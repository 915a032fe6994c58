//! Why a request is not let in, and how that is answered.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use thiserror::Error;

use super::rate_limit::Exceeded;
use super::role::Role;
use crate::problem::{Kind, Problem};

/// Why a request was not let in: one variant for each thing the caller can do next.
///
/// The answer is a problem with the header `WWW-Authenticate` as RFC 6750 asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denied {
    /// It does not say who sent it. Say so: 401.
    #[error("send an API key or a token in the header Authorization: Bearer")]
    Unauthenticated,
    /// It says so more than once, and whoever is asked must not choose: 400.
    #[error("there may be one header Authorization")]
    Ambiguous,
    /// What it says so with is not accepted. Get another key or token: 401.
    #[error(transparent)]
    Invalid(#[from] CredentialError),
    /// It is known who sent it, and they may not do this. Ask for the role: 403.
    #[error("the role {needed} is needed")]
    Forbidden {
        /// The role that would do.
        needed: Role,
    },
    /// Too many came from this principal. Wait: 429.
    #[error("at most {} requests a second are answered", .0.limit().per_second)]
    TooMany(Exceeded),
    /// It cannot be found out now whether the key is still good. Try again: 503.
    #[error("API keys cannot be checked now")]
    Unavailable,
}

/// Why an API key or a token is not accepted.
///
/// What is said about a token's claims is said only to those whose token has the right signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// It is neither a key nor a token, or longer than any of them.
    #[error("it is malformed")]
    Malformed,
    /// Keys, or tokens, are not accepted by this service.
    #[error("none of its kind is accepted here")]
    NotAccepted,
    /// The key was never created, has another secret, or was revoked. Which of these it is, is the
    /// business of those who may list keys.
    #[error("the API key is not valid")]
    UnknownKey,
    /// The key's time is over.
    #[error("the API key has expired")]
    KeyExpired,
    /// The token is not signed with an algorithm that the named key is for.
    #[error("the algorithm is not the one of the key")]
    WrongAlgorithm,
    /// The token names no key, or none that is known.
    #[error("the signing key is not known")]
    UnknownSigningKey,
    /// The token was signed by somebody else, or changed.
    #[error("the signature is wrong")]
    WrongSignature,
    /// The token asks for something that is not understood here.
    #[error("it has critical extensions that are not understood")]
    UnknownExtension,
    /// A claim that is needed is missing or has another form.
    #[error("the claim {0} is missing or malformed")]
    MalformedClaim(&'static str),
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token's time has not come yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token is somebody else's.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
}

/// The name under which the service asks for credentials.
const REALM: &str = "Bearer realm=\"annals\"";

impl Denied {
    fn kind(&self) -> Kind {
        match self {
            Self::Unauthenticated => Kind::UNAUTHENTICATED,
            Self::Ambiguous => Kind::MALFORMED_HEADER,
            Self::Invalid(_) => Kind::INVALID_CREDENTIALS,
            Self::Forbidden { .. } => Kind::FORBIDDEN,
            Self::TooMany(_) => Kind::TOO_MANY_REQUESTS,
            Self::Unavailable => Kind::AUTHENTICATION_UNAVAILABLE,
        }
    }

    /// The value of `WWW-Authenticate`. No part of it comes from the request.
    fn challenge(&self) -> Option<String> {
        match self {
            Self::Unauthenticated => Some(REALM.to_owned()),
            Self::Ambiguous => Some(format!("{REALM}, error=\"invalid_request\"")),
            Self::Invalid(error) => {
                Some(format!("{REALM}, error=\"invalid_token\", error_description=\"{error}\""))
            }
            Self::Forbidden { needed } => {
                Some(format!("{REALM}, error=\"insufficient_scope\", scope=\"{needed}\""))
            }
            Self::TooMany(_) | Self::Unavailable => None,
        }
    }
}

impl From<&Denied> for Problem {
    fn from(denied: &Denied) -> Self {
        let problem = Self::new(denied.kind(), denied.to_string());
        match denied {
            Denied::TooMany(exceeded) => problem.with_retry_after(exceeded.retry_after_seconds()),
            _ => problem,
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        tracing::info!(reason = %self, "a request was not let in");
        let mut response = Problem::from(&self).into_response();
        let challenge = self.challenge().and_then(|text| HeaderValue::try_from(text).ok());
        if let Some(challenge) = challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Self::TooMany(exceeded) = &self {
            exceeded.tell(response.headers_mut());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(denied: Denied) -> (u16, String) {
        let response = denied.into_response();
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
        (response.status().as_u16(), challenge)
    }

    #[test]
    fn who_is_not_known_is_asked_and_who_is_known_is_told_what_is_missing() {
        let realm = "Bearer realm=\"annals\"";
        assert_eq!(answer(Denied::Unauthenticated), (401, realm.to_owned()));
        assert_eq!(
            answer(CredentialError::Expired.into()),
            (
                401,
                format!(
                    "{realm}, error=\"invalid_token\", error_description=\"the token has expired\""
                )
            )
        );
        assert_eq!(
            answer(Denied::Forbidden { needed: Role::Teller }),
            (403, format!("{realm}, error=\"insufficient_scope\", scope=\"teller\""))
        );
        assert_eq!(answer(Denied::Ambiguous), (400, format!("{realm}, error=\"invalid_request\"")));
        assert_eq!(answer(Denied::Unavailable), (503, String::new()));
    }
}
