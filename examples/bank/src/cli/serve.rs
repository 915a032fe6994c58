//! `bank serve`

use clap::Args;

use crate::bank::Bank;
use crate::cli::exit::Failure;
use crate::http::{self, LocalAddress};
use crate::store::{Access, StoreUrl};

/// Where to serve.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  bank serve --listen 127.0.0.1:8080
  bank serve --store postgres://bank@localhost/bank
  bank serve --store memory: --listen 127.0.0.1:0")]
pub(super) struct Serve {
    /// Address and port, on this machine only; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value_t)]
    listen: LocalAddress,
}

impl Serve {
    pub(super) async fn run(self, url: &StoreUrl) -> Result<(), Failure> {
        let bank = Bank::new(url.open(Access::Write).await?);
        Ok(http::serve(bank, self.listen, url).await?)
    }
}
