//! The bank as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    bank::cli::main()
}
