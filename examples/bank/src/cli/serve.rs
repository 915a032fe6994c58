//! `bank serve`

use clap::Args;

use crate::bank::{Bank, Queries};
use crate::cli::exit::Failure;
use crate::cli::place::Place;
use crate::http::{self, LocalAddress, Service};
use crate::store::Access;
use crate::transfers::Transfers;

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
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        let app = place.log.open(Access::Write).await?;
        let models = place.open_read_models(&app, Access::Write).await?;
        let service = Service {
            bank: Bank::new(app.clone()),
            transfers: Transfers::new(app),
            queries: Queries::new(models),
        };
        Ok(http::serve(service, self.listen, &place.log).await?)
    }
}
