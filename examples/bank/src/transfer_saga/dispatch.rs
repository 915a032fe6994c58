//! Where the steps of the saga go.

use annals::{BoxFuture, DispatchCommand, DispatchError, Dispatcher};

use super::{TransferRejection, TransferStep};
use crate::account::{Account, AccountCommand};
use crate::services::BankServices;
use crate::transfer::{Transfer, TransferCommand};

impl DispatchCommand for TransferStep {
    type Services = BankServices;
    type Rejection = TransferRejection;

    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, BankServices, TransferRejection>,
    ) -> BoxFuture<'a, Result<(), DispatchError<TransferRejection>>> {
        match self {
            Self::Withdraw(of) | Self::TakeBack(of) => {
                let command =
                    AccountCommand::TransferOut { transfer_id: of.transfer_id, amount: of.amount };
                to.execute::<Account>(&of.account_id, command)
            }
            Self::Deposit(of) | Self::Refund(of) => {
                let command =
                    AccountCommand::TransferIn { transfer_id: of.transfer_id, amount: of.amount };
                to.execute::<Account>(&of.account_id, command)
            }
            Self::Complete { transfer_id } => {
                to.execute::<Transfer>(&transfer_id, TransferCommand::CompleteTransfer)
            }
            Self::Fail { transfer_id, failure } => {
                to.execute::<Transfer>(&transfer_id, TransferCommand::FailTransfer { failure })
            }
        }
    }
}
