//! What the service costs beside the operations it offers, and how many idle clients it bears.
//!
//! The bank is served by a process of its own, as a user would, and `wrk` is the client of it and
//! of a handler that says hello by the same stack. All share the processor, so only what stands in
//! one table can be compared.

mod execute;
mod feeds;
mod hello;
mod program;
mod soak;
mod table;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use mimalloc::MiMalloc;

use self::execute::Beside;
use self::program::Program;
use self::table::Table;
use self::wrk::Script;

/// As the bank has it: what is compared differs in nothing else.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Prints how fast the bank answers over HTTP, beside a handler that does nothing and beside the
/// bare operations.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// How long each measurement lasts.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often everything is measured; the medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many idle clients of the live feed; 0 leaves them out.
    #[arg(long, default_value_t = 10_000)]
    feed_clients: usize,
    /// Instead: requests of all kinds for so long, and what the memory of the service does.
    #[arg(long, value_name = "SECONDS")]
    soak: Option<u64>,
    /// Where the files go: the disk that is measured. Given by `cargo xtask bench`.
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
    /// Says hello until it is killed, instead of measuring. For itself.
    #[arg(long, hide = true)]
    say_hello: bool,
    /// Given by `cargo bench`; means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench --http                              everything, about two minutes
  cargo xtask bench --http -- --rounds 1 --seconds 2    a first impression
  cargo xtask bench --http -- --soak 600                whether memory stays flat for ten minutes";

/// Accounts that there are, each with one event.
const ACCOUNTS: usize = 10_000;
/// Connections, and tasks that execute.
const CLIENTS: usize = 64;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if arguments.say_hello {
        return runtime.block_on(hello::serve());
    }
    wrk::check()?;
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .context("no folder for the files")?;
    let path = folder.path();
    runtime.block_on(execute::open_accounts(&path.join("served.db")))?;
    if let Some(seconds) = arguments.soak {
        let bank = Program::bank(&path.join("served.db"))?;
        return soak::run(&bank, path, Duration::from_secs(seconds));
    }
    let table = rates(&arguments, path, &runtime)?;
    println!("{table}");
    if arguments.feed_clients > 0 {
        let bank = Program::bank(&path.join("served.db"))?;
        println!("{}", runtime.block_on(feeds::measure(&bank, arguments.feed_clients))?);
    }
    Ok(())
}

/// Everything that has a rate, in turn.
fn rates(
    arguments: &Arguments,
    folder: &std::path::Path,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<Table> {
    for beside in [Beside::Nothing, Beside::ReadModels] {
        let log = folder.join(format!("{beside:?}.db"));
        runtime.block_on(execute::open_accounts(&log))?;
    }
    let bank = Program::bank(&folder.join("served.db"))?;
    let hello = Program::hello()?;
    let mut table = Table::default();
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        let mut measure = |name, program: &Program, script| {
            let measured = wrk::run(program, script, CLIENTS, arguments.seconds, folder)?;
            table.add(name, measured.per_second, Some((measured.p50, measured.p99)));
            anyhow::Ok(measured.requests)
        };
        measure(table::HELLO, &hello, Script::Account)?;
        measure(table::ACCOUNT, &bank, Script::Account)?;
        measure(table::SUMMARY, &bank, Script::Summary)?;
        let before = program::head(&bank)?;
        let requests = measure(table::DEPOSIT, &bank, Script::Deposit)?;
        let written = program::head(&bank)? - before;
        // What was on its way when the clock stopped was answered to nobody.
        anyhow::ensure!(
            (requests..=requests + CLIENTS as u64).contains(&written),
            "{requests} deposits were answered, {written} events written"
        );
        let time = Duration::from_secs(arguments.seconds);
        for (row, beside) in
            [(table::EXECUTE, Beside::Nothing), (table::PROJECTED, Beside::ReadModels)]
        {
            let log = folder.join(format!("{beside:?}.db"));
            let deposits = execute::deposit(&log, CLIENTS, time, beside);
            table.add(row, runtime.block_on(deposits)?, None);
        }
    }
    Ok(table)
}
