//! Where to listen.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// An address and a port that only this machine can reach.
///
/// The bank does not ask anybody who they are, so it must not be reachable from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalAddress(pub(super) SocketAddr);

/// Text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LocalAddressError {
    /// It is not an address with a port.
    #[error("an address and a port are needed, such as 127.0.0.1:3000")]
    Form,
    /// Others could reach it.
    #[error("other machines can reach {0}, and there is no authentication; use 127.0.0.1 or [::1]")]
    Reachable(IpAddr),
}

impl Default for LocalAddress {
    fn default() -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)))
    }
}

impl FromStr for LocalAddress {
    type Err = LocalAddressError;

    fn from_str(text: &str) -> Result<Self, LocalAddressError> {
        let address: SocketAddr = text.parse().map_err(|_| LocalAddressError::Form)?;
        if !address.ip().is_loopback() {
            return Err(LocalAddressError::Reachable(address.ip()));
        }
        Ok(Self(address))
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_stay_on_this_machine_are_taken() {
        for text in ["127.0.0.1:3000", "127.1.2.3:0", "[::1]:3000"] {
            assert_eq!(text.parse::<LocalAddress>().unwrap().to_string(), text);
        }
        for text in ["0.0.0.0:3000", "192.168.1.1:80", "[::]:3000", "[::ffff:10.0.0.1]:1"] {
            let error = text.parse::<LocalAddress>().unwrap_err();
            assert!(matches!(error, LocalAddressError::Reachable(_)), "{text}");
        }
        for text in ["", "127.0.0.1", "localhost:3000", ":3000", "127.0.0.1:99999"] {
            assert_eq!(text.parse::<LocalAddress>(), Err(LocalAddressError::Form), "{text}");
        }
    }
}
