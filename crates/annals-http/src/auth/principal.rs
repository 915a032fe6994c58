//! Who sent a request.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use annals_core::limits::ACTOR_BYTES_MAX;
use annals_core::{LimitError, Metadata};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};

use super::api_key::KeyId;
use super::denied::Denied;
use super::role::{Role, Roles};

/// The header of metadata that says how the actor proved who they are.
const AUTHENTICATED_BY: &str = "authenticated_by";

/// Longest `authenticated_by`, in characters: far below what a header of metadata may have, so that
/// no issuer's name can make an event too large to be written.
const AUTHENTICATED_BY_CHARACTERS_MAX: usize = 100;

/// Names somebody: a person, or a program that acts on its own behalf.
///
/// At most [`ACTOR_BYTES_MAX`] bytes without control characters, so that it can be the actor of an
/// event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Subject(Arc<str>);

impl Subject {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if it is empty, too long or contains a control character.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, LimitError> {
        const WHAT: &str = "subject";
        let text = text.into();
        if text.is_empty() {
            return Err(LimitError::Empty { what: WHAT });
        }
        if text.len() > ACTOR_BYTES_MAX {
            let (bytes, bytes_max) = (text.len(), ACTOR_BYTES_MAX);
            return Err(LimitError::TooLong { what: WHAT, bytes, bytes_max });
        }
        match text.char_indices().find(|(_, character)| character.is_control()) {
            Some((at, character)) => {
                let allowed = "all but control characters";
                Err(LimitError::Character { what: WHAT, character, at, allowed })
            }
            None => Ok(Self(text)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Subject {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        Self::new(text)
    }
}

impl FromStr for Subject {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        Self::new(text)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// By this API key.
    ApiKey(KeyId),
    /// By a token of this issuer.
    Jwt {
        /// The `iss` of the token.
        issuer: Arc<str>,
    },
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(id) => write!(formatter, "api_key {id}"),
            Self::Jwt { issuer } => write!(formatter, "jwt {issuer}"),
        }
    }
}

/// Who sent a request, and what they may do. [`authenticate`](super::authenticate) puts it into the
/// request's extensions; a handler takes it as an argument.
///
/// Cloning shares everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Arc<Known>);

#[derive(Debug, PartialEq, Eq)]
struct Known {
    identity: Option<Identity>,
    roles: Roles,
}

#[derive(Debug, PartialEq, Eq)]
struct Identity {
    subject: Subject,
    proof: Proof,
}

impl Principal {
    /// Somebody who has proved who they are.
    #[must_use]
    pub fn new(subject: Subject, proof: Proof, roles: Roles) -> Self {
        let identity = Some(Identity { subject, proof });
        Self(Arc::new(Known { identity, roles }))
    }

    /// Whoever is on this machine, where nobody is asked. May do everything, and leaves no name.
    #[must_use]
    pub fn on_this_machine() -> Self {
        Self(Arc::new(Known { identity: None, roles: Roles::all() }))
    }

    /// Who it is; nothing where nobody is asked.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.0.identity.as_ref().map(|identity| &identity.subject)
    }

    /// How they proved it.
    #[must_use]
    pub fn proof(&self) -> Option<&Proof> {
        self.0.identity.as_ref().map(|identity| &identity.proof)
    }

    /// What they may do.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.0.roles
    }

    /// Whether they may do what `needed` may.
    #[must_use]
    pub fn may(&self, needed: Role) -> bool {
        self.0.roles.permit(needed)
    }

    /// Makes this principal the actor of what `metadata` accompanies, and notes in the header
    /// `authenticated_by` by which key or issuer that is known. What stood there before is removed:
    /// only authentication says who somebody is.
    #[must_use]
    pub fn sign(&self, mut metadata: Metadata) -> Metadata {
        metadata.actor = None;
        metadata.headers.remove(AUTHENTICATED_BY);
        match &self.0.identity {
            Some(Identity { subject, proof }) => {
                let proof = proof.to_string();
                let proof = proof.chars().take(AUTHENTICATED_BY_CHARACTERS_MAX);
                metadata.actor(subject.as_str()).header(AUTHENTICATED_BY, proof.collect::<String>())
            }
            None => metadata,
        }
    }
}

/// Without [`authenticate`](super::authenticate) around it, every request is refused.
impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        parts.extensions.get().cloned().ok_or(Denied::Unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(issuer: &str) -> Principal {
        let proof = Proof::Jwt { issuer: issuer.into() };
        Principal::new(Subject::new("alice").unwrap(), proof, Roles::default())
    }

    #[test]
    fn the_actor_is_who_was_authenticated_and_never_who_the_client_says() {
        let claimed = Metadata::default().actor("root").header(AUTHENTICATED_BY, "api_key 1");
        let signed = principal("https://id.example").sign(claimed.clone());
        assert_eq!(signed.actor.as_deref(), Some("alice"));
        assert_eq!(signed.headers[AUTHENTICATED_BY], "jwt https://id.example");
        assert_eq!(Principal::on_this_machine().sign(claimed), Metadata::default());
    }

    #[test]
    fn no_name_of_an_issuer_makes_metadata_too_large() {
        let signed = principal(&"\u{fc}".repeat(5_000)).sign(Metadata::default());
        assert!(signed.to_json().is_ok());
    }

    #[test]
    fn subjects_can_be_actors() {
        for text in ["alice", "https://id.example/users/1", "\u{fc}nal"] {
            let metadata = Metadata::default().actor(Subject::new(text).unwrap().as_str());
            assert!(metadata.to_json().is_ok(), "{text}");
        }
        for text in ["", "a\nb", "a\u{0}", &"x".repeat(ACTOR_BYTES_MAX + 1)] {
            assert!(Subject::new(text).is_err(), "{text:?}");
            assert!(serde_json::from_value::<Subject>(text.into()).is_err(), "{text:?}");
        }
    }
}
