//! The figures: benchmarks in release mode, with a PostgreSQL server beside them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::cargo;
use crate::postgres::Server;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the files go, the server's included: the disk that is measured. As root, a folder
    /// that other users can enter. Default: the target folder.
    #[arg(long)]
    folder: Option<PathBuf>,

    /// Makes each flush of the server's commits longer, as on a slower disk. Needs a C compiler
    /// named cc.
    #[arg(long, value_name = "MICROSECONDS")]
    flush_delay_us: Option<u32>,

    /// Arguments for the benchmark; `-- --help` lists them.
    #[arg(last = true)]
    benchmark: Vec<String>,
}

/// Our stores beside the naive way: a benchmark of the facade crate.
const FIGURES: [&str; 8] =
    ["bench", "--quiet", "--package", "annals", "--all-features", "--bench", "figures", "--"];

/// Builds the benchmark and runs it. Its table goes to standard output.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let parent = match &options.folder {
        Some(folder) => folder.canonicalize().with_context(|| format!("{}", folder.display()))?,
        None => target_folder()?,
    };
    let folder = tempfile::Builder::new().prefix("annals-bench-").tempdir_in(&parent)?;
    let mut command = cargo::command(root);
    command.args(FIGURES);
    let server = if is_about_help(&options.benchmark) {
        None
    } else {
        let server = provide(&parent, &folder, options.flush_delay_us)?;
        eprintln!("PostgreSQL: {}", server.origin());
        command.arg("--folder").arg(folder.path()).args(["--url", server.url()]);
        Some(server)
    };
    let status = command.args(&options.benchmark).status().context("cannot start cargo")?;
    drop(server);
    ensure!(status.success(), "the benchmark failed: {status}");
    Ok(())
}

/// Whoever only asks what there is needs no server.
fn is_about_help(benchmark: &[String]) -> bool {
    benchmark.iter().any(|argument| argument == "--help" || argument == "-h")
}

/// The folder that this program was built into, in a folder for the profile.
fn target_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("this program is not in a target folder")?;
    Ok(target.to_owned())
}

/// A server whose data is below `parent`, and so on the same disk as the files of other stores.
fn provide(parent: &Path, folder: &TempDir, flush_delay_us: Option<u32>) -> anyhow::Result<Server> {
    match flush_delay_us {
        Some(delay) => Server::preloaded(parent, &slow_flush(folder.path(), delay)?),
        None => Server::provide_in(parent),
    }
}

/// Compiles the library that makes flushes longer.
fn slow_flush(folder: &Path, delay_us: u32) -> anyhow::Result<PathBuf> {
    let (source, library) = (folder.join("slow_flush.c"), folder.join("slow_flush.so"));
    std::fs::write(&source, include_str!("bench/slow_flush.c"))?;
    let status = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg(format!("-DDELAY_US={delay_us}"))
        .arg("-ldl")
        .status()
        .context("cannot start cc, a C compiler")?;
    ensure!(status.success(), "cc could not compile what slows flushes: {status}");
    // The server, which may be another user, enters the folder to load it.
    let status = Command::new("chmod").arg("755").arg(folder).status()?;
    ensure!(status.success(), "chmod failed: {status}");
    Ok(library)
}
