//! Annals on PostgreSQL beside other event stores: one server, one run, interleaved rounds.
//!
//! `cargo xtask bench --peers` brings the server and runs it. What is shared with the benchmark of
//! the facade crate, which measures the same work on our other stores, is taken from there.

#[path = "../../../crates/annals/benches/figures/clients.rs"]
mod clients;
#[path = "../../../crates/annals/benches/figures/database.rs"]
mod database;
#[expect(dead_code, reason = "money is only withdrawn by the transfers that are measured there")]
#[path = "../../../crates/annals/benches/figures/domain.rs"]
mod domain;
#[expect(dead_code, reason = "limits and times by themselves are shown there")]
#[path = "../../../crates/annals/benches/figures/table.rs"]
mod figures;
#[path = "../../../crates/annals/benches/figures/flush.rs"]
mod flush;
mod lengths;
#[path = "../../../crates/annals/benches/figures/limit.rs"]
mod limit;
mod peer;
mod read_models;
mod rounds;
#[path = "../../../crates/annals/benches/figures/scan.rs"]
mod scan;
mod scenario;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Prints how fast Annals is on PostgreSQL, beside other event stores and beside the limits.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// How long each measurement lasts.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How often everything is measured; the medians are printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only rows with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// Only ours and those with this in their name.
    #[arg(long, default_value = "")]
    subject: String,
    /// Instead: ours alone, in a log of 100,000 events and in one of this many. Ten million take
    /// about 10 GB and a quarter of an hour to fill.
    #[arg(long, value_name = "EVENTS")]
    length: Option<u64>,
    /// Where the files go: the disk that is measured. Given by `cargo xtask bench`.
    #[arg(long, hide = true)]
    folder: PathBuf,
    /// A PostgreSQL server where databases may be created. Given by `cargo xtask bench`.
    #[arg(long, hide = true)]
    url: String,
}

/// How long anything may take before the figures are not worth waiting for.
const PATIENCE: Duration = Duration::from_secs(300);

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench --peers                                everything, about 45 minutes
  cargo xtask bench --peers -- --only clients --rounds 3   only the rows with this in their name
  cargo xtask bench --peers -- --only rebuild              only building read models
  cargo xtask bench --peers -- --subject cqrs              only ours and this one
  cargo xtask bench --peers -- --length 10000000           whether a long log is as fast";

fn main() -> anyhow::Result<()> {
    #[cfg(feature = "umadb")]
    if std::env::args().nth(1).is_some_and(|first| first == "umadb-server") {
        return peer::UmaDbServer::run(std::env::args().skip(1).collect());
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.length {
            Some(length) => println!("{}", lengths::measure(&arguments, length).await?),
            None => {
                if rounds::is_wanted(&arguments) {
                    println!("{}", rounds::measure(&arguments).await?);
                }
                if read_models::is_wanted(&arguments) {
                    println!("{}", read_models::measure(&arguments).await?);
                }
            }
        }
        Ok(())
    })
}
