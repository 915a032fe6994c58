//! `bank sample`

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::sample::Sample;

/// What to make up.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bank sample --output sample.asc
  bank sample --accounts 1000 --rows 100000 --seed 7 --output large.asc")]
pub(super) struct MakeSample {
    /// How many accounts
    #[arg(long, value_name = "N", default_value_t = 100)]
    accounts: u32,
    /// How many transactions, at least one for each account
    #[arg(long, value_name = "N", default_value_t = 2_500)]
    rows: u32,
    /// Another number makes another file
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The file to write, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl MakeSample {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let sample = Sample::new(self.accounts, self.rows, self.seed)
            .map_err(|error| Failure::new(Exit::Usage, &error))?;
        let write = |output: &mut dyn Write| {
            let mut output = BufWriter::new(output);
            sample.write(&mut output)?;
            output.flush()
        };
        let Some(path) = &self.output else {
            return output::is_written(write(&mut io::stdout().lock()));
        };
        let written = std::fs::File::create(path).and_then(|mut file| write(&mut file));
        written.map_err(|error| Failure::new(Exit::Input, &error).about(&path.display()))
    }
}
