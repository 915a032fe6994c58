//! What callers get to see of a transfer: the same JSON over HTTP and on the command line.

use annals::{ConsistencyToken, Metadata, Position, StreamId};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::money::Money;
use crate::transfer::{TransferFailure, TransferId, TransferOrder};

/// A transfer, and what happened to it.
#[derive(Debug, Clone, Serialize)]
pub struct TransferAnswer {
    /// Which transfer.
    pub transfer_id: TransferId,
    /// What is to move.
    #[serde(flatten)]
    pub order: TransferOrder,
    /// The currency of all amounts.
    pub currency: &'static str,
    /// In which way.
    pub mode: Mode,
    /// Where it stands.
    pub state: TransferState,
    /// Why it failed or was abandoned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<TransferFailure>,
    /// What it needs an operator for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// What has left one account and not arrived on another.
    pub in_flight: Money,
    /// What happened, oldest first: on the accounts, to the transfer and to the saga that makes it.
    pub timeline: Vec<TransferEntry>,
    /// All events up to here are taken into account.
    pub position: Position,
    /// Presented to a query, it is answered only from read models that know of this.
    pub consistency_token: ConsistencyToken,
}

/// In which way a transfer is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By the saga: one account after the other.
    #[default]
    Saga,
    /// In one step over both accounts.
    Instant,
}

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// It is on its way.
    Requested,
    /// The money has arrived.
    Completed,
    /// It came to nothing, and the money is where it was.
    Failed,
    /// It cannot go on by itself: an operator must have it retried, or abandon it.
    NeedsOperator,
    /// An operator has ended it as it was.
    Abandoned,
}

impl TransferState {
    /// The name that is written and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::NeedsOperator => "needs_operator",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What a transfer needs an operator for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingFor {
    /// What cannot be done, in words.
    pub step: String,
    /// Why.
    pub error: String,
    /// Since when it is known.
    pub since: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransferEntry {
    /// Its place in the log.
    pub position: Position,
    /// When the log took it.
    pub at: DateTime<Utc>,
    /// Where it is recorded: in the stream of an account, of the transfer or of its saga.
    pub stream: StreamId,
    /// Its stable name.
    pub event_type: &'static str,
    /// In words.
    pub text: String,
    /// What caused it, who asked for it, and in which conversation.
    pub metadata: Metadata,
}

impl TransferAnswer {
    /// Whether nothing more happens to it by itself.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.state != TransferState::Requested
    }
}
