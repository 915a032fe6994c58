//! When keys were last used: outside the log, because it is worth nothing a year later.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::secret::KeyId;

/// A file with the time at which each key was last used, to the minute.
///
/// It is a help for cleaning up, not a record: a minute's uses are lost with a process that is
/// killed, and of two processes that write at the same moment one is heard. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsedFile(PathBuf);

/// The file cannot be used. Remove it, or let the program write there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LastUsedError {
    /// The system refuses to read or write it.
    #[error("the file {} cannot be used", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else is in it.
    #[error("the file {} does not hold times of last use", .path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The program is about to end.
    #[error("the program is ending")]
    Ending,
}

type Times = BTreeMap<KeyId, DateTime<Utc>>;

impl LastUsedFile {
    /// The file at this path. It is made when there is something to write.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// What it holds; nothing if there is no file. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// [`LastUsedError`], whose variants say what to do.
    pub fn read(&self) -> Result<BTreeMap<KeyId, DateTime<Utc>>, LastUsedError> {
        let path = || self.0.clone();
        let text = match std::fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Times::new()),
            Err(source) => return Err(LastUsedError::Io { path: path(), source }),
        };
        serde_json::from_slice(&text).map_err(|source| LastUsedError::Form { path: path(), source })
    }

    /// Adds later times to those that it holds.
    pub(super) async fn add(&self, used: Times) -> Result<(), LastUsedError> {
        let file = self.clone();
        let written = tokio::task::spawn_blocking(move || file.add_now(used));
        written.await.unwrap_or(Err(LastUsedError::Ending))
    }

    fn add_now(&self, used: Times) -> Result<(), LastUsedError> {
        if used.is_empty() {
            return Ok(());
        }
        // Another server on this machine may have added to it.
        let mut times = self.read()?;
        for (id, time) in used {
            let known = times.entry(id).or_insert(time);
            *known = time.max(*known);
        }
        self.replace(&times).map_err(|source| LastUsedError::Io { path: self.0.clone(), source })
    }

    /// Writes beside it and renames, so that a reader sees the old times or the new ones.
    fn replace(&self, times: &Times) -> io::Result<()> {
        let mut name = self.0.clone().into_os_string();
        name.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(name);
        let mut file = std::fs::File::create(&beside)?;
        serde_json::to_writer_pretty(&mut file, times)?;
        file.write_all(b"\n")?;
        std::fs::rename(&beside, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seconds: &[(&str, i64)]) -> Times {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        seconds.iter().map(|(id, seconds)| (id.parse().unwrap(), time(*seconds))).collect()
    }

    const A: &str = "000000000000000a";
    const B: &str = "000000000000000b";

    #[test]
    fn later_times_are_added_and_earlier_ones_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = LastUsedFile::new(folder.path().join("used.json"));
        assert_eq!(file.read().unwrap(), Times::new());
        file.add_now(times(&[(A, 100), (B, 100)])).unwrap();
        file.add_now(times(&[(A, 200), (B, 50)])).unwrap();
        assert_eq!(file.read().unwrap(), times(&[(A, 200), (B, 100)]));
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_of_somebody_else_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.txt");
        std::fs::write(&path, "Dear Alice,").unwrap();
        let file = LastUsedFile::new(&path);
        assert!(matches!(file.add_now(times(&[(A, 1)])), Err(LastUsedError::Form { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"Dear Alice,");
    }
}
