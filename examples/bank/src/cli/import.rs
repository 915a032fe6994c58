//! `bank import`

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::import::{FileError, ImportError, Report, TransactionFile, import};
use crate::store::{Access, StoreUrl};

/// What to import.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bank import trans-1993.asc
  bank import trans-1993.asc --format json
  bank sample | bank import -")]
pub(super) struct Import {
    /// The file of transactions, or - for standard input
    file: PathBuf,
    /// How to write the summary
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Pieces in which the file is read: large enough that reading costs nothing beside the rest.
const READ_BYTES: usize = 64 * 1024;

impl Import {
    pub(super) async fn run(self, url: &StoreUrl) -> Result<(), Failure> {
        let failed = |error: ImportError| Failure::from(error).about(&self.file.display());
        // Before the log is opened: a file that is none must not leave an empty log behind.
        let (input, bytes) = open(&self.file).map_err(|error| failed(error.into()))?;
        let file = TransactionFile::new(input).map_err(|error| failed(error.into()))?;
        let name = self.file.display().to_string().replace(char::is_control, "?");
        let report = Report::new(name, bytes);
        let imported = import(&url.open(Access::Write).await?, file, &report).await;
        report.finish();
        let summary = imported.map_err(failed)?;
        match self.format {
            Format::Json => output::json(&summary)?,
            Format::Text => output::line(&summary.to_string())?,
        }
        if summary.is_nothing_new() {
            output::say("nothing new: the log has every row that the rules allow");
        }
        if summary.malformed > 0 {
            return Err(Failure::silent(Exit::Input));
        }
        Ok(())
    }
}

/// The content of the file, and how much it is if that is known.
fn open(path: &Path) -> Result<(Box<dyn BufRead + Send>, Option<u64>), FileError> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::with_capacity(READ_BYTES, io::stdin())), None));
    }
    let file = File::open(path).map_err(FileError::Read)?;
    let metadata = file.metadata().map_err(FileError::Read)?;
    let bytes = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::with_capacity(READ_BYTES, file)), bytes))
}
