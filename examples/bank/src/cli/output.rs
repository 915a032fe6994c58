//! Answers on standard output, talk on standard error.

use std::io::{self, ErrorKind, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::exit::Failure;

/// How answers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Writes to standard output. That nobody reads it any more, as after `| head`, is not an error.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    is_written(output.write_all(bytes).and_then(|()| output.flush()))
}

pub(super) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

pub(super) fn json(answer: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(answer).map_err(|error| Failure::internal(&error))?;
    line(&text)
}

/// Judges writing to a place that may be closed by its reader.
pub(super) fn is_written(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::internal(&error)),
        _ => Ok(()),
    }
}

/// Text from outside may contain what terminals take for orders.
pub(super) fn shown(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Tells people something, on standard error.
pub(super) fn say(text: &str) {
    // If nobody is there to be told, there is nobody to tell that either.
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
