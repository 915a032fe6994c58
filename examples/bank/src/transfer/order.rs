//! What a transfer is to move.

use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::money::Money;
use crate::transfer::TransferError;

/// What a transfer is to move: how much, from where, to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferOrder {
    /// The account it comes from.
    pub from_account_id: AccountId,
    /// The account it goes to.
    pub to_account_id: AccountId,
    /// How much; more than zero.
    pub amount: Money,
}

impl TransferOrder {
    /// Checks what can be known without looking at the accounts.
    ///
    /// Not done where it is read from the log: rules that become stricter must not make old events
    /// unreadable.
    pub(crate) fn check(&self) -> Result<(), TransferError> {
        if self.from_account_id == self.to_account_id {
            return Err(TransferError::SameAccount { account_id: self.to_account_id.clone() });
        }
        if self.amount <= Money::ZERO {
            return Err(TransferError::AmountNotPositive { amount: self.amount });
        }
        Ok(())
    }
}
