//! The API key as an aggregate: created once, revoked for good.

use annals_core::Aggregate;
use annals_derive::DomainEvent;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::secret::{Digest, KeyId};
use crate::auth::principal::Subject;
use crate::auth::role::Roles;

/// What the rules need to know of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ApiKey {
    /// It does not exist.
    #[default]
    Absent,
    /// It is accepted, until it expires.
    Active,
    /// It will not be accepted again.
    Revoked,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ApiKeyCommand {
    CreateApiKey(Grant),
    RevokeApiKey { now: DateTime<Utc> },
}

/// What a key is created with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grant {
    pub(super) subject: Subject,
    pub(super) roles: Roles,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) digest: Digest,
    pub(super) now: DateTime<Utc>,
}

/// What happens to keys. The names and fields stand in logs for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(super) enum ApiKeyEvent {
    ApiKeyCreated {
        subject: Subject,
        roles: Roles,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
        sha256: Digest,
        created_at: DateTime<Utc>,
    },
    ApiKeyRevoked {
        revoked_at: DateTime<Utc>,
    },
}

/// Why a command is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(super) enum ApiKeyRejection {
    #[error("the API key exists already")]
    Exists,
    #[error("there is no such API key")]
    NotFound,
}

impl Aggregate for ApiKey {
    const TYPE: &'static str = "api_key";

    type Id = KeyId;
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Error = ApiKeyRejection;
    /// Time travels in the commands, so that one registry works on any store without a clock of the
    /// application's.
    type Services = ();

    fn handle(&self, command: ApiKeyCommand, (): &()) -> Result<Vec<ApiKeyEvent>, ApiKeyRejection> {
        match (self, command) {
            (Self::Absent, ApiKeyCommand::CreateApiKey(grant)) => {
                let Grant { subject, roles, expires_at, digest, now } = grant;
                Ok(vec![ApiKeyEvent::ApiKeyCreated {
                    subject,
                    roles,
                    expires_at,
                    sha256: digest,
                    created_at: now,
                }])
            }
            (_, ApiKeyCommand::CreateApiKey(_)) => Err(ApiKeyRejection::Exists),
            (Self::Active, ApiKeyCommand::RevokeApiKey { now }) => {
                Ok(vec![ApiKeyEvent::ApiKeyRevoked { revoked_at: now }])
            }
            (Self::Revoked, ApiKeyCommand::RevokeApiKey { .. }) => Ok(Vec::new()),
            (Self::Absent, ApiKeyCommand::RevokeApiKey { .. }) => Err(ApiKeyRejection::NotFound),
        }
    }

    fn apply(&mut self, event: &ApiKeyEvent) {
        *self = match event {
            ApiKeyEvent::ApiKeyCreated { .. } => Self::Active,
            ApiKeyEvent::ApiKeyRevoked { .. } => Self::Revoked,
        };
    }
}

#[cfg(test)]
mod tests {
    use annals_testing::given;

    use super::*;
    use crate::auth::role::Role;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn create() -> ApiKeyCommand {
        ApiKeyCommand::CreateApiKey(Grant {
            subject: Subject::new("alice").unwrap(),
            roles: [Role::Reader].into_iter().collect(),
            expires_at: None,
            digest: Digest::of("key"),
            now: NOW,
        })
    }

    fn created() -> ApiKeyEvent {
        ApiKey::Absent.handle(create(), &()).unwrap().remove(0)
    }

    const REVOKE: ApiKeyCommand = ApiKeyCommand::RevokeApiKey { now: NOW };
    const REVOKED: ApiKeyEvent = ApiKeyEvent::ApiKeyRevoked { revoked_at: NOW };

    #[test]
    fn a_key_is_created_once_and_revoked_for_good() {
        let (once, revoked) = ([created()], [created(), REVOKED]);
        given::<ApiKey>(()).when(REVOKE).then_rejected(ApiKeyRejection::NotFound);
        given::<ApiKey>(())
            .events(once.clone())
            .when(create())
            .then_rejected(ApiKeyRejection::Exists);
        given::<ApiKey>(()).events(once).when(REVOKE).then([REVOKED]);
        given::<ApiKey>(()).events(revoked.clone()).when(REVOKE).then_nothing();
        given::<ApiKey>(()).events(revoked).when(create()).then_rejected(ApiKeyRejection::Exists);
    }

    /// What stands in logs must be readable for good.
    #[test]
    fn the_events_keep_their_form() {
        let json = serde_json::to_value(created()).unwrap();
        assert_eq!(
            json["ApiKeyCreated"],
            serde_json::json!({
                "subject": "alice",
                "roles": ["reader"],
                "sha256": "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683",
                "created_at": "1970-01-01T00:00:00Z",
            })
        );
    }
}
