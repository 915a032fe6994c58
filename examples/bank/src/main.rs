//! The bank as a program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Answering a request makes dozens of short allocations, on several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    bank::cli::main()
}
