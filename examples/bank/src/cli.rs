//! The command line.

mod account;
mod accounts;
mod exit;
mod import;
mod keys;
mod migrate;
mod output;
mod place;
mod progress;
mod projections;
mod query;
mod sagas;
mod sample;
mod secret_value;
mod serve;
mod table;
mod telemetry;
mod transfer;
mod transfers;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use self::exit::Failure;
use self::place::Place;
use self::serve::Serve;

/// A bank whose accounts remember everything that happened to them.
///
/// Without a command it serves the bank over HTTP.
#[derive(Debug, Parser)]
#[command(name = "bank", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Examples:
  bank                                  serve http://127.0.0.1:3000
  bank sample --output sample.asc       make up a file of transactions
  bank import sample.asc                replay it; a second time changes nothing
  bank account show 1                   what is on account 1
  bank account history 1                what happened to it
  bank accounts total                   what is on all accounts together
  bank transfer 1 2 2550 --wait         move 25.50 from account 1 to account 2
  bank projections status               how the read models are getting on
  bank sagas list --state parked        what waits for an operator

Any number of processes may work on one log on PostgreSQL. A password belongs into BANK_STORE,
because other users of the machine can see the arguments of a program:
  export BANK_STORE=postgres://USER:PASSWORD@HOST/DATABASE

Amounts are whole minor units: 2550 is 25.50 CZK.

Log lines go to standard error: RUST_LOG says which, warnings and worse by default, and
BANK_LOG_FORMAT=json makes JSON of them. Traces, metrics and logs are exported by OTLP where the
standard variables ask for it:
  export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318

Exit codes:
  0  done
  1  something is broken
  2  the command line is wrong
  3  a rule of the bank forbids it
  4  there is no such account, or was not then; no such generation, dead letter, transfer or saga
  5  the input cannot be read, or some of its lines are malformed
  6  the log cannot be opened, read or written
  7  a read model cannot be opened or read, stands still or is held
  8  what was waited for has not come to its end, or waits for an operator";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the bank over HTTP on this machine
    Serve(Serve),
    /// Replay a file of transactions through commands
    ///
    /// Rows that the log has already change nothing, so an import that was interrupted is continued
    /// by starting it again. Rows that a rule forbids are reported and stay refused. Lines that are
    /// malformed are reported and left out, and the exit code is 5.
    Import(import::Import),
    /// Make up a file of transactions to import
    ///
    /// The same options make the same file.
    Sample(sample::MakeSample),
    /// Bring the schema of a log on PostgreSQL up to date, and give roles their rights
    ///
    /// Connect as the role that owns the schema, or is to own it. Where that role itself serves the
    /// bank, this is not needed: whoever may migrate does so when the log is opened for writing.
    Migrate(migrate::Migrate),
    /// Look at an account or change it
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Ask about all accounts together
    #[command(subcommand)]
    Accounts(accounts::AccountsCommand),
    /// Move money from one account to another
    Transfer(transfer::Transfer),
    /// Look at transfers
    #[command(subcommand)]
    Transfers(transfers::TransfersCommand),
    /// Look after the sagas that make transfers
    #[command(subcommand)]
    Sagas(sagas::SagasCommand),
    /// Look after the read models that queries are answered from
    #[command(subcommand)]
    Projections(projections::ProjectionsCommand),
    /// Look after the API keys of those who may use the bank
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Print a script that completes commands, for a shell to load
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let telemetry = match telemetry::start() {
        Ok(telemetry) => telemetry,
        Err(failure) => return failure.report(),
    };
    let done = run(cli);
    telemetry.shut_down();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { place, command } = cli;
    match command.unwrap_or(Command::Serve(Serve::default())) {
        Command::Serve(serve) => on_runtime(serve.run(&place)),
        Command::Import(import) => on_runtime(import.run(&place.log)),
        Command::Migrate(migrate) => on_runtime(migrate.run(&place.log)),
        Command::Account(command) => on_runtime(command.run(&place)),
        Command::Accounts(command) => on_runtime(command.run(&place)),
        Command::Transfer(transfer) => on_runtime(transfer.run(&place)),
        Command::Transfers(command) => on_runtime(command.run(&place)),
        Command::Sagas(command) => on_runtime(command.run(&place)),
        Command::Projections(command) => on_runtime(command.run(&place)),
        Command::Keys(command) => on_runtime(command.run(&place)),
        Command::Sample(sample) => sample.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "bank", &mut script);
            output::write(&script)
        }
    }
}

fn on_runtime(task: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(&error))?;
    let done = runtime.block_on(task);
    // A thread that waits for input will never end by itself.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
