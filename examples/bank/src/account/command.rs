//! What can be asked of an account.

use crate::account::OwnerName;
use crate::money::Money;
use crate::transfer::TransferId;

/// What can be asked of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    /// Open it, with what is paid in at once.
    OpenAccount {
        /// Whose it is to be.
        owner_name: OwnerName,
        /// What is on it from the start; zero or more.
        initial_balance: Money,
    },
    /// Pay something in.
    DepositMoney {
        /// How much; more than zero.
        amount: Money,
    },
    /// Take something out, up to what is there.
    WithdrawMoney {
        /// How much; more than zero.
        amount: Money,
    },
    /// Pay in what a transfer brings, or brings back.
    TransferIn {
        /// Which transfer.
        transfer_id: TransferId,
        /// How much; more than zero.
        amount: Money,
    },
    /// Take out what a transfer moves, up to what is there.
    TransferOut {
        /// Which transfer.
        transfer_id: TransferId,
        /// How much; more than zero.
        amount: Money,
    },
    /// Close it for good. There must be nothing left on it.
    CloseAccount,
}
