//! What can happen to a transfer.

use annals::DomainEvent;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::transfer::{TransferFailure, TransferId, TransferOrder};

/// What can happen to a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
pub enum TransferEvent {
    /// Somebody asked for it. The saga begins with this.
    TransferRequested {
        /// Which transfer it is: what a saga is told does not name the stream.
        transfer_id: TransferId,
        /// What is to move.
        #[serde(flatten)]
        order: TransferOrder,
        /// When.
        requested_at: DateTime<Utc>,
    },
    /// It was made in one step, together with what moved on both accounts.
    TransferMade {
        /// Which transfer it is.
        transfer_id: TransferId,
        /// What moved.
        #[serde(flatten)]
        order: TransferOrder,
        /// When.
        made_at: DateTime<Utc>,
    },
    /// The money has arrived.
    TransferCompleted {
        /// When.
        completed_at: DateTime<Utc>,
    },
    /// The money has not arrived, and is where it was before.
    TransferFailed {
        /// Why.
        #[serde(flatten)]
        failure: TransferFailure,
        /// When.
        failed_at: DateTime<Utc>,
    },
}
