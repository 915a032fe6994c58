//! `bank serve`

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

use crate::bank::Bank;
use crate::cli::exit::Failure;
use crate::http;
use crate::store::{Access, StoreUrl};

/// Where to serve.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port, on this machine only; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_ADDRESS)]
    listen: SocketAddr,
}

const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

impl Default for Serve {
    fn default() -> Self {
        Self { listen: DEFAULT_ADDRESS }
    }
}

impl Serve {
    pub(super) async fn run(self, url: &StoreUrl) -> Result<(), Failure> {
        let bank = Bank::new(url.open(Access::Write)?);
        Ok(http::serve(bank, self.listen, url).await?)
    }
}
