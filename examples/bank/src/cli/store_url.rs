//! The value of `--store`.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

use crate::store::StoreUrl;

/// Reads the URL of a log.
///
/// The parser that clap makes by itself repeats a wrong value in its error; this one does not,
/// because there may be a password in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreUrlParser;

impl TypedValueParser for StoreUrlParser {
    type Value = StoreUrl;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<StoreUrl, Error> {
        let wrong = |reason: String| {
            let message = format!("invalid value for '--store <URL>': {reason}\n");
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        };
        let text = value.to_str().ok_or_else(|| wrong("it is not UTF-8".to_owned()))?;
        text.parse().map_err(|error: crate::store::StoreUrlError| wrong(error.to_string()))
    }
}
