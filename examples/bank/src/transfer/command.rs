//! What can be asked of a transfer.

use crate::transfer::{TransferFailure, TransferId, TransferOrder};

/// What can be asked of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferCommand {
    /// Have money moved.
    RequestTransfer {
        /// Which transfer it is to be.
        transfer_id: TransferId,
        /// What is to move.
        order: TransferOrder,
    },
    /// Take note that the money has arrived.
    CompleteTransfer,
    /// Take note that the money has not arrived, and is back where it was.
    FailTransfer {
        /// Why.
        failure: TransferFailure,
    },
}
