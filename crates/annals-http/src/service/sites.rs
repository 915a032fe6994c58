//! Keeps web pages of other sites out.
//!
//! Without authentication, being on this machine is all the right a caller has. A browser on this
//! machine would lend that right to every page it shows, so requests that a page of another site
//! makes are refused: those with its name as their origin, and those made under a name that merely
//! resolves to this machine.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use super::Callers;
use crate::problem::{Kind, Problem};

impl Callers {
    /// Whether a request with these headers is one of theirs.
    pub(super) fn check(self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::ThisMachine if !is_local(headers) => {
                let detail = "only programs and pages of this machine are served";
                Err(Problem::new(Kind::OTHER_SITE, detail))
            }
            Self::Anywhere | Self::ThisMachine => Ok(()),
        }
    }
}

fn is_local(headers: &HeaderMap) -> bool {
    let named = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    named(header::HOST).is_none_or(is_local_authority)
        && named(header::ORIGIN).is_none_or(is_local_origin)
}

fn is_local_origin(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, authority)| is_local_authority(authority))
}

/// Whether `host` or `host:port` is this machine by its own name.
fn is_local_authority(authority: &str) -> bool {
    let Ok(uri) = authority.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_goes_by_its_loopback_names() {
        for authority in ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000", "[::1]"] {
            assert!(is_local_authority(authority), "{authority}");
            assert!(is_local_origin(&format!("http://{authority}")), "{authority}");
        }
    }

    #[test]
    fn every_other_name_is_another_site() {
        for authority in
            ["", "example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "a b"]
        {
            assert!(!is_local_authority(authority), "{authority}");
            assert!(!is_local_origin(&format!("https://{authority}")), "{authority}");
        }
        assert!(!is_local_origin("null"));
    }
}
