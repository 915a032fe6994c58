//! Where an instance of a saga stands.

use serde::{Deserialize, Serialize};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaState {
    /// It has not begun.
    #[default]
    New,
    /// On its way.
    Running,
    /// It has reached its aim, and waits for its last steps.
    Completing,
    /// It has failed, and what it had done is being compensated.
    Compensating,
    /// It has failed and is compensated, and waits for its last steps.
    Failing,
    /// It has ended and reached its aim.
    Completed,
    /// It has ended and not reached its aim; what it had done is compensated.
    Failed,
    /// An operator ended it as it was.
    Abandoned,
}

impl SagaState {
    /// Nothing more happens to it.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Abandoned)
    }

    /// The name that is written and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::Completing => "completing",
            Self::Compensating => "compensating",
            Self::Failing => "failing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}
