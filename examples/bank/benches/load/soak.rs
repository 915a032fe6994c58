//! Requests of all kinds for a long time.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::CLIENTS;
use crate::program::Program;
use crate::wrk::{self, Script};

/// How long requests of one kind are made before those of the next.
const TURN_SECONDS: u64 = 10;

/// Prints a line for each turn through all kinds: the memory of the bank, and the rates.
pub(crate) fn run(bank: &Program, folder: &Path, time: Duration) -> anyhow::Result<()> {
    let begun = Instant::now();
    println!("after |     memory |  accounts | summaries |  deposits");
    while begun.elapsed() < time {
        let mut rates = Vec::new();
        for script in [Script::Account, Script::Summary, Script::Deposit] {
            rates.push(wrk::run(bank, script, CLIENTS, TURN_SECONDS, folder)?.per_second);
        }
        let rates: Vec<_> = rates.iter().map(|rate| format!("{rate:>7.0}/s")).collect();
        let memory = bank.resident_bytes()? >> 20;
        println!("{:>4}s | {memory:>6} MiB | {}", begun.elapsed().as_secs(), rates.join(" | "));
    }
    Ok(())
}
