//! What is answered instead of what was asked for, in the words of the bank.
//!
//! The kinds here have the `type` `urn:annals:bank:` and a code; those that any service has are at
//! [`Kind`].

use annals_http::{Fault, Kind, Problem, Refusal};
use axum::http::StatusCode;

use crate::account::{AccountError, OwnerNameError};
use crate::bank::{BankError, QueryError};
use crate::instant_transfer::InstantTransferError;
use crate::transfer::TransferError;
use crate::transfers::TransfersError;

/// The account id in the path is none.
pub(super) const MALFORMED_ACCOUNT_ID: Kind = Kind::new(
    "urn:annals:bank:malformed_account_id",
    StatusCode::BAD_REQUEST,
    "The account id is malformed",
);

/// The transfer id in the path is none.
pub(super) const MALFORMED_TRANSFER_ID: Kind = Kind::new(
    "urn:annals:bank:malformed_transfer_id",
    StatusCode::BAD_REQUEST,
    "The transfer id is malformed",
);

/// The period in the path is none.
pub(super) const MALFORMED_PERIOD: Kind = Kind::new(
    "urn:annals:bank:malformed_period",
    StatusCode::BAD_REQUEST,
    "The period is malformed",
);

const INVALID_OWNER_NAME: Kind = Kind::new(
    "urn:annals:bank:invalid_owner_name",
    StatusCode::UNPROCESSABLE_ENTITY,
    "The owner's name is not possible",
);

const NOT_OPENED_THEN: Kind = Kind::new(
    "urn:annals:bank:account_not_opened_then",
    StatusCode::NOT_FOUND,
    "The account was opened later",
);

const PERIOD_NOT_FOUND: Kind = Kind::new(
    "urn:annals:bank:period_not_found",
    StatusCode::NOT_FOUND,
    "Nothing moved in the period",
);

/// 404 for what does not exist, 409 for what a rule forbids as the account is now, 422 for what it
/// forbids whatever the account is.
impl Refusal for AccountError {
    fn kind(&self) -> Kind {
        let (urn, status, title) = match self {
            Self::NotFound => (
                "urn:annals:bank:account_not_found",
                StatusCode::NOT_FOUND,
                "The account does not exist",
            ),
            Self::AlreadyOpened => (
                "urn:annals:bank:account_already_opened",
                StatusCode::CONFLICT,
                "The account exists already",
            ),
            Self::Closed => {
                ("urn:annals:bank:account_closed", StatusCode::CONFLICT, "The account is closed")
            }
            Self::NegativeInitialBalance { .. } => (
                "urn:annals:bank:negative_initial_balance",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The initial balance is negative",
            ),
            Self::AmountNotPositive { .. } => (
                "urn:annals:bank:amount_not_positive",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The amount is not more than zero",
            ),
            Self::InsufficientFunds { .. } => (
                "urn:annals:bank:insufficient_funds",
                StatusCode::CONFLICT,
                "The funds are insufficient",
            ),
            Self::BalanceNotZero { .. } => (
                "urn:annals:bank:balance_not_zero",
                StatusCode::CONFLICT,
                "The balance is not zero",
            ),
            Self::BalanceOverflow { .. } => (
                "urn:annals:bank:balance_overflow",
                StatusCode::CONFLICT,
                "The balance would be too large",
            ),
        };
        Kind::new(urn, status, title)
    }

    fn faults(&self) -> Vec<Fault> {
        let pointer = match self {
            Self::NegativeInitialBalance { .. } => "/initial_balance",
            Self::AmountNotPositive { .. } => "/amount",
            _ => return Vec::new(),
        };
        vec![Fault::new(pointer, self.to_string())]
    }
}

impl Refusal for TransferError {
    fn kind(&self) -> Kind {
        let (urn, status, title) = match self {
            Self::NotFound => (
                "urn:annals:bank:transfer_not_found",
                StatusCode::NOT_FOUND,
                "The transfer does not exist",
            ),
            Self::AlreadyRequested => (
                "urn:annals:bank:transfer_already_requested",
                StatusCode::CONFLICT,
                "The transfer exists already",
            ),
            Self::Ended => {
                ("urn:annals:bank:transfer_ended", StatusCode::CONFLICT, "The transfer has ended")
            }
            Self::SameAccount { .. } => (
                "urn:annals:bank:same_account",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The accounts are the same",
            ),
            Self::AmountNotPositive { .. } => (
                "urn:annals:bank:amount_not_positive",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The amount is not more than zero",
            ),
        };
        Kind::new(urn, status, title)
    }
}

impl From<BankError> for Problem {
    fn from(error: BankError) -> Self {
        match &error {
            BankError::Rejected(rejection) => Self::refusal(rejection),
            BankError::NotFound => Self::refusal(&AccountError::NotFound),
            BankError::NotOpenedThen => Self::new(NOT_OPENED_THEN, error.to_string()),
            BankError::SequenceAhead { .. } => Self::new(Kind::SEQUENCE_AHEAD, error.to_string()),
            BankError::CommandIdReused => Self::new(Kind::COMMAND_ID_REUSED, error.to_string()),
            BankError::SequenceMismatch { .. } => {
                Self::new(Kind::PRECONDITION_FAILED, error.to_string())
            }
            BankError::Busy(_) => Self::temporary(Kind::BUSY, &error),
            BankError::Unavailable(_) => Self::temporary(Kind::UNAVAILABLE, &error),
            BankError::OutcomeUnknown(_) => Self::temporary(Kind::OUTCOME_UNKNOWN, &error),
            BankError::NotVisible(_) => Self::temporary(Kind::NOT_VISIBLE, &error),
            BankError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<TransfersError> for Problem {
    fn from(error: TransfersError) -> Self {
        let kind = match error {
            TransfersError::Bank(error) => return error.into(),
            TransfersError::NotFound => TransferError::NotFound.kind(),
            TransfersError::Rejected(ref rejection)
            | TransfersError::NotMade(InstantTransferError::Transfer(ref rejection)) => {
                rejection.kind()
            }
            // It says which account is meant; what was asked for is a transfer all the same.
            TransfersError::NotMade(
                InstantTransferError::Source { ref rejection, .. }
                | InstantTransferError::Target { ref rejection, .. },
            ) => {
                let kind = rejection.kind();
                Kind::new(kind.urn(), StatusCode::CONFLICT, kind.title())
            }
        };
        Self::new(kind, error.to_string())
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let detail = error.to_string();
        match &error {
            QueryError::NotFound { position } => {
                Self::new(AccountError::NotFound.kind(), detail).with_position(*position)
            }
            QueryError::PeriodNotFound { position, .. } => {
                Self::new(PERIOD_NOT_FOUND, detail).with_position(*position)
            }
            QueryError::Behind { reached, .. } => {
                Self::new(Kind::READ_MODEL_BEHIND, detail).with_position(*reached)
            }
            QueryError::OtherLog(_) => Self::new(Kind::TOKEN_OF_ANOTHER_LOG, detail),
            QueryError::NotBuilt => Self::new(Kind::READ_MODEL_NOT_BUILT, detail),
            QueryError::Unavailable(_) => Self::temporary(Kind::READ_MODELS_UNAVAILABLE, &error),
            QueryError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<OwnerNameError> for Problem {
    fn from(error: OwnerNameError) -> Self {
        let fault = Fault::new("/owner_name", error.to_string());
        Self::new(INVALID_OWNER_NAME, error.to_string()).with_faults(vec![fault])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    #[test]
    fn the_type_of_a_rejection_is_its_code() {
        let amount = Money::default();
        for rejection in [
            AccountError::NotFound,
            AccountError::AlreadyOpened,
            AccountError::Closed,
            AccountError::NegativeInitialBalance { initial_balance: amount },
            AccountError::AmountNotPositive { amount },
            AccountError::InsufficientFunds { balance: amount, amount },
            AccountError::BalanceNotZero { balance: amount },
            AccountError::BalanceOverflow { balance: amount, amount },
        ] {
            let urn = format!("urn:annals:bank:{}", rejection.code());
            assert_eq!(rejection.kind().urn(), urn);
        }
    }
}
