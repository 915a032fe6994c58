//! The figures: a benchmark of the facade crate, in release mode.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::cargo;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Arguments for the benchmark; `-- --help` lists them.
    #[arg(last = true)]
    benchmark: Vec<String>,
}

/// Builds the benchmark and runs it. Its table goes to standard output.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let status = cargo::command(root)
        .args(["bench", "--quiet", "--package", "annals", "--bench", "figures", "--"])
        .args(&options.benchmark)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the benchmark failed: {status}");
    Ok(())
}
