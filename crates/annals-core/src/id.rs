//! Identifiers that are UUIDs, each a type of its own so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::LimitError;

macro_rules! id {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new UUIDv7: unique, and ordered by the time it was made.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default should not differ each time")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Takes an existing UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = LimitError;

            fn from_str(text: &str) -> Result<Self, LimitError> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| LimitError::Form { what: $what, expected: "a UUID" })
            }
        }
    };
}

id!(
    /// Names one event.
    EventId,
    "event id"
);

id!(
    /// Names one attempt to change something, so that repeating it changes nothing more (G6).
    CommandId,
    "command id"
);

id!(
    /// Names a conversation: everything that follows from one request carries the same one.
    CorrelationId,
    "correlation id"
);

id!(
    /// Names what directly caused an event: the command it was decided for, or the event a saga
    /// reacted to.
    CausationId,
    "causation id"
);

id!(
    /// Names a log: every handle on it says the same, and no other log does. A log restored from a
    /// backup keeps its name, which is why a [`Checkpoint`](crate::Checkpoint) also names an event.
    LogId,
    "log id"
);

id!(
    /// Names one runner of projections or sagas: a task in a process, for as long as it runs.
    WorkerId,
    "worker id"
);

id!(
    /// Names a dead letter.
    DeadLetterId,
    "dead letter id"
);

impl CommandId {
    /// The same id for the same `name` within `namespace`, every time (UUIDv5, RFC 9562).
    ///
    /// For commands that come from a source with names of its own, such as rows of a file or keys
    /// chosen by a client: who repeats them repeats the command id.
    #[must_use]
    pub fn derived(namespace: &Uuid, name: &[u8]) -> Self {
        Self(Uuid::new_v5(namespace, name))
    }
}

impl From<CommandId> for CausationId {
    fn from(id: CommandId) -> Self {
        Self(id.0)
    }
}

impl From<EventId> for CausationId {
    fn from(id: EventId) -> Self {
        Self(id.0)
    }
}

impl From<CommandId> for CorrelationId {
    fn from(id: CommandId) -> Self {
        Self(id.0)
    }
}
