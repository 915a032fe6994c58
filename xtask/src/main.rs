//! Development tasks. `cargo xtask --help` lists them.

mod bench;
mod cargo;
mod collector;
mod node;
mod postgres;
mod pypi;
mod schemathesis;
mod soak;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development tasks of Annals.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask test                        everything that must pass before a change goes in
  cargo xtask test --quick                what answers soonest, for use while editing
  cargo xtask test -- refused_append      only the tests with this in their name
  cargo xtask test -- -p annals-core      only the tests of one crate
  cargo xtask test --postgres 17,18       only the tests that need PostgreSQL, on these versions
  cargo xtask soak                        the PostgreSQL store, killed and disturbed for long
  cargo xtask tidy                        only the rules of the tree
  cargo xtask bench                       figures beside the limits of this machine
  cargo xtask bench -- --only client      only the rows with this in their name
  cargo xtask bench --peers               the store on PostgreSQL beside other event stores
  cargo xtask bench --peers --flush-delay-us 1000 -- --only clients
                                          the same on a disk that is a millisecond slower";

#[derive(Debug, Subcommand)]
enum Task {
    /// Checks formatting, lints, the rules of the tree and the docs, and runs every test.
    Test(test::Options),
    /// Checks the rules of the tree that a machine can check: dependencies, vocabulary, files.
    Tidy,
    /// Writes and reads on PostgreSQL in many processes, and kills and disturbs them for long.
    Soak(soak::Options),
    /// Measures how fast it is on this machine, beside the physical limit and the naive way.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = root().and_then(|root| match arguments.task {
        Task::Test(options) => test::run(&root, &options),
        Task::Tidy => tidy::run(&root),
        Task::Soak(options) => soak::run(&root, &options),
        Task::Bench(options) => bench::run(&root, &options),
    });
    if let Err(error) = done {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The folder of the workspace's manifest.
fn root() -> anyhow::Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = xtask.parent().ok_or_else(|| anyhow::anyhow!("{} is the root", xtask.display()))?;
    Ok(root.to_owned())
}
