//! How the program ends when it did not do what was asked.

use std::error::Error;
use std::fmt::{self, Write};
use std::process::ExitCode;

use annals::{ReadError, ReadModelsError, SagasError, StatusError};

use crate::bank::{BankError, QueryError};
use crate::cli::output;
use crate::http::ServeError;
use crate::import::ImportError;
use crate::read_models::{CatchUpError, OpenReadModelsError};
use crate::store::StoreError;
use crate::transfers::TransfersError;

/// The exit codes, as the help lists them. 0 is success, and 2 is clap's for a wrong command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Something is broken.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A rule of the bank forbids it.
    Rejected = 3,
    /// There is no such account, or was not then; or no such generation, dead letter, transfer or
    /// saga.
    NotFound = 4,
    /// The input cannot be read, or some of its lines are malformed.
    Input = 5,
    /// The log cannot be opened, read or written.
    Store = 6,
    /// A read model cannot be opened or read, stands still or is held.
    ReadModels = 7,
    /// It was waited for something that has not come to its end, or waits for an operator.
    Unfinished = 8,
}

/// Why the program did not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    /// What to say; nothing if all has been said.
    message: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        Self { exit, message: Some(chain(error)) }
    }

    pub(super) fn internal(error: &(dyn Error + 'static)) -> Self {
        Self::new(Exit::Internal, error)
    }

    /// The log cannot be read.
    pub(super) fn of_log(error: &ReadError) -> Self {
        Self::new(Exit::Store, error)
    }

    /// It has been said already what is wrong.
    pub(super) fn silent(exit: Exit) -> Self {
        Self { exit, message: None }
    }

    /// Names what it is about.
    pub(super) fn about(self, what: &dyn fmt::Display) -> Self {
        let message = self.message.map(|message| one_line(&format!("{what}: {message}")));
        Self { message, ..self }
    }

    /// Says what is wrong, in one line, and gives the code to exit with.
    pub(super) fn report(&self) -> ExitCode {
        if let Some(message) = &self.message {
            output::say(&format!("error: {message}"));
        }
        ExitCode::from(self.exit as u8)
    }
}

/// An error and its sources in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // What an error shows of its source, it says in its place.
        let text = error.to_string();
        if !message.ends_with(&text) {
            write!(message, ": {text}").expect("text takes every text");
        }
        source = error.source();
    }
    one_line(&message)
}

/// Text from outside may contain line breaks and what terminals take for orders.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl From<BankError> for Failure {
    fn from(error: BankError) -> Self {
        let exit = match &error {
            BankError::Rejected(_)
            | BankError::CommandIdReused
            | BankError::SequenceMismatch { .. } => Exit::Rejected,
            BankError::NotFound | BankError::NotOpenedThen | BankError::SequenceAhead { .. } => {
                Exit::NotFound
            }
            BankError::Busy(_) | BankError::Unavailable(_) | BankError::OutcomeUnknown(_) => {
                Exit::Store
            }
            BankError::NotVisible(_) => Exit::ReadModels,
            BankError::Internal(_) => Exit::Internal,
        };
        Self::new(exit, &error)
    }
}

impl From<TransfersError> for Failure {
    fn from(error: TransfersError) -> Self {
        let exit = match error {
            TransfersError::NotFound => Exit::NotFound,
            TransfersError::Rejected(_) | TransfersError::NotMade(_) => Exit::Rejected,
            TransfersError::Bank(error) => return error.into(),
        };
        Self::new(exit, &error)
    }
}

impl From<SagasError> for Failure {
    fn from(error: SagasError) -> Self {
        let exit = match &error {
            SagasError::UnknownSaga { .. } | SagasError::NotFound { .. } => Exit::NotFound,
            SagasError::Refused(_) => Exit::Rejected,
            SagasError::Limit(_) | SagasError::Form { .. } => Exit::Input,
            SagasError::List(_) => Exit::ReadModels,
            _ => Exit::Store,
        };
        Self::new(exit, &error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::Store, &error)
    }
}

impl From<OpenReadModelsError> for Failure {
    fn from(error: OpenReadModelsError) -> Self {
        Self::new(Exit::ReadModels, &error)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let exit = match &error {
            QueryError::NotFound { .. } | QueryError::PeriodNotFound { .. } => Exit::NotFound,
            QueryError::Internal(_) => Exit::Internal,
            _ => Exit::ReadModels,
        };
        Self::new(exit, &error)
    }
}

impl From<CatchUpError> for Failure {
    fn from(error: CatchUpError) -> Self {
        Self::new(Exit::ReadModels, &error)
    }
}

impl From<ReadModelsError> for Failure {
    fn from(error: ReadModelsError) -> Self {
        let exit = match &error {
            ReadModelsError::NotFound { .. } => Exit::NotFound,
            ReadModelsError::Refused { .. } => Exit::Rejected,
            _ => Exit::ReadModels,
        };
        Self::new(exit, &error)
    }
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        let exit = match &error {
            StatusError::Log(_) => Exit::Store,
            _ => Exit::ReadModels,
        };
        Self::new(exit, &error)
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let exit = match &error {
            ServeError::Listen { .. } | ServeError::Tls(_) | ServeError::Exposed(_) => Exit::Usage,
            ServeError::Signals(_) => Exit::Internal,
        };
        Self::new(exit, &error)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let exit = match &error {
            ImportError::File(_) => Exit::Input,
            ImportError::Log { .. } | ImportError::Balances(_) => Exit::Store,
            ImportError::Broken(_) => Exit::Internal,
        };
        Self::new(exit, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn an_error_and_its_sources_are_one_line() {
        let inner = Link { text: "no such\nfile", source: None };
        let outer = Link { text: "cannot open", source: Some(Box::new(inner)) };
        assert_eq!(chain(&outer), "cannot open: no such file");
    }
}
