//! Where to listen.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// An address and a port. If other machines can reach it, those who use it must be asked who they
/// are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub(super) SocketAddr);

/// Text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListenAddressError {
    /// It is not an address with a port.
    #[error("an address and a port are needed, such as 127.0.0.1:3000")]
    Form,
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)))
    }
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        text.parse().map(Self).map_err(|_| ListenAddressError::Form)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        for text in ["127.0.0.1:3000", "0.0.0.0:0", "[::1]:3000"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
        for text in ["", "127.0.0.1", "localhost:3000", ":3000", "127.0.0.1:99999"] {
            assert_eq!(text.parse::<ListenAddress>(), Err(ListenAddressError::Form), "{text}");
        }
    }
}
