//! The address of a log on PostgreSQL.

use std::fmt;

use annals::postgres::{PostgresOptions, UrlError};

/// The address of a log on PostgreSQL. Shows where the log is and not who logs in, nor with what.
#[derive(Clone)]
pub struct PostgresUrl {
    options: PostgresOptions,
    secret: String,
    shown: String,
}

impl PostgresUrl {
    /// Takes a URL as [`PostgresOptions::from_url`] understands it.
    ///
    /// # Errors
    ///
    /// [`UrlError`], naming the part that is wrong and never repeating the URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let options = PostgresOptions::from_url(url)?;
        Ok(Self { options, secret: url.to_owned(), shown: without_credentials(url) })
    }

    /// How to get there.
    #[must_use]
    pub fn options(&self) -> &PostgresOptions {
        &self.options
    }

    /// The URL with who logs in, and with what. Not to be shown or logged.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

/// Leaves out who logs in, and the parameters, one of which may be the password. A URL in which it
/// cannot be told where the password ends has been refused.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let place = rest.split_once('?').map_or(rest, |(place, _)| place);
    let place = place.rsplit_once('@').map_or(place, |(_, host)| host);
    format!("{scheme}://{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown() {
        for (text, shown) in [
            ("postgres://teller:hunter2@db:5433/bank", "postgres://db:5433/bank"),
            ("postgresql://hunter2@db/bank", "postgresql://db/bank"),
            ("postgres://db/bank?user=teller&password=hunter2", "postgres://db/bank"),
            ("postgres:///bank?host=%2Frun&password=hunter2", "postgres:///bank"),
        ] {
            let url = PostgresUrl::new(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter2"), "{url:?}");
        }
    }

    /// What ends the password cannot be told, so it is refused, without repeating it.
    #[test]
    fn passwords_that_cut_the_url_are_refused() {
        for text in [
            "postgres://teller:hun@ter2@db/bank",
            "postgres://teller:1/hunter2@db/bank",
            "postgres://teller:1?hunter2@db/bank",
            "postgres://db/bank?password=hunter2@more",
            "postgres://db/bank?password=more@hunter2",
        ] {
            let error = PostgresUrl::new(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("ter2"), "{error:?}");
        }
    }
}
