//! Values that may hold a password.

use std::error::Error as StdError;
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// Reads a value that may be the URL of a database.
///
/// The parser that clap makes by itself repeats a wrong value in its error; this one does not,
/// because there may be a password in it.
#[derive(Debug)]
pub(super) struct SecretValueParser<T> {
    option: &'static str,
    value: &'static str,
    kind: PhantomData<fn() -> T>,
}

impl<T> SecretValueParser<T> {
    pub(super) const fn new(option: &'static str, value: &'static str) -> Self {
        Self { option, value, kind: PhantomData }
    }
}

impl<T> Clone for SecretValueParser<T> {
    fn clone(&self) -> Self {
        Self::new(self.option, self.value)
    }
}

impl<T> TypedValueParser for SecretValueParser<T>
where
    T: FromStr<Err: StdError> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let Self { option, value: name, .. } = self;
        let wrong = |reason: String| {
            let message = format!("invalid value for '--{option} <{name}>': {reason}\n");
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        };
        let text = value.to_str().ok_or_else(|| wrong("it is not UTF-8".to_owned()))?;
        text.parse().map_err(|error: T::Err| wrong(error.to_string()))
    }
}
