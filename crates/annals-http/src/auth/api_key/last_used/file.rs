//! Times of last use in a file.

use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;

use annals_core::BoxFuture;

use super::{LastUsed, LastUsedError, LastUses};

/// A file with the time at which each key was last used.
///
/// It is for one machine. Of two processes that write at the same moment one is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsedFile(PathBuf);

impl LastUsedFile {
    /// The file at this path. It is made when there is something to write.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn read_now(&self) -> Result<LastUses, LastUsedError> {
        let path = || self.0.clone();
        let text = match std::fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(LastUses::new()),
            Err(source) => return Err(LastUsedError::Io { path: path(), source }),
        };
        serde_json::from_slice(&text).map_err(|source| LastUsedError::Form { path: path(), source })
    }

    fn add_now(&self, used: LastUses) -> Result<(), LastUsedError> {
        // Another server on this machine may have added to it.
        let mut times = self.read_now()?;
        for (id, time) in used {
            let known = times.entry(id).or_insert(time);
            *known = time.max(*known);
        }
        self.replace(&times).map_err(|source| LastUsedError::Io { path: self.0.clone(), source })
    }

    /// Writes beside it and renames, so that a reader sees the old times or the new ones.
    fn replace(&self, times: &LastUses) -> io::Result<()> {
        let mut name = self.0.clone().into_os_string();
        name.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(name);
        let mut file = std::fs::File::create(&beside)?;
        serde_json::to_writer_pretty(&mut file, times)?;
        file.write_all(b"\n")?;
        std::fs::rename(&beside, &self.0)
    }

    /// Does something where it may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, LastUsedError> + Send + 'static,
    ) -> Result<T, LastUsedError> {
        let file = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&file)).await;
        done.unwrap_or(Err(LastUsedError::Ending))
    }
}

impl LastUsed for LastUsedFile {
    fn read(&self) -> BoxFuture<'_, Result<LastUses, LastUsedError>> {
        Box::pin(self.work(Self::read_now))
    }

    fn add(&self, used: LastUses) -> BoxFuture<'_, Result<(), LastUsedError>> {
        Box::pin(self.work(|file| file.add_now(used)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn times(seconds: &[(&str, i64)]) -> LastUses {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        seconds.iter().map(|(id, seconds)| (id.parse().unwrap(), time(*seconds))).collect()
    }

    const A: &str = "000000000000000a";
    const B: &str = "000000000000000b";

    #[test]
    fn later_times_are_added_and_earlier_ones_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = LastUsedFile::new(folder.path().join("used.json"));
        assert_eq!(file.read_now().unwrap(), LastUses::new());
        file.add_now(times(&[(A, 100), (B, 100)])).unwrap();
        file.add_now(times(&[(A, 200), (B, 50)])).unwrap();
        assert_eq!(file.read_now().unwrap(), times(&[(A, 200), (B, 100)]));
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
