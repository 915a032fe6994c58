//! What is wrong with a URL.

use thiserror::Error;

/// The URL cannot be used. It is not repeated here, because it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not the URL of a PostgreSQL database. Write
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[error("the URL does not begin with postgres:// or postgresql://")]
    Scheme,
    /// User or password hold characters with a meaning of their own.
    #[error("the URL's user and password are written with %40 for @, %2F for / and %3F for ?")]
    Unescaped,
    /// A part cannot be read. Characters with a meaning of their own (`@ : / ? & %`) are written
    /// as `%40 %3A %2F %3F %26 %25`.
    #[error("the URL's {part} is not {expected}")]
    Part {
        /// The part that is meant, e.g. `port`.
        part: &'static str,
        /// What it should be, in words.
        expected: &'static str,
    },
    /// A parameter behind the `?` is not one of those that are known.
    #[error("the URL's parameter number {number} is not known; known are {KNOWN}")]
    UnknownParameter {
        /// Its place behind the `?`, counted from 1. Its name might be the rest of a password.
        number: usize,
    },
    /// Two parameters contradict each other.
    #[error("the URL's {first} does not go with {second}")]
    Contradiction {
        /// One of them.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
}

const KNOWN: &str = "accept_risk, application_name, connect_timeout, dbname, host, \
    keepalives_idle, options, password, port, sslcert, sslkey, sslmode, sslrootcert, \
    target_session_attrs, tcp_user_timeout, user";
