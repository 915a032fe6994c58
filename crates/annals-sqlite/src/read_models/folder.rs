//! The folder of the read models.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use annals_core::GenerationKey;
use rusqlite::{Connection, Transaction};

use super::fault::Fault;
use super::generation_file;

/// Connections for reading that are kept open though nobody uses them. Opening one takes a tenth of
/// a millisecond; a kept one costs a few file handles and its cache.
const IDLE_MAX: usize = 16;

/// Where the files are, and the open ones that nobody reads at the moment.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The one used last is at the end.
    idle: Mutex<Vec<(GenerationKey, Connection)>>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    pub(super) fn catalog(&self) -> PathBuf {
        self.path.join("catalog.db")
    }

    pub(super) fn generation(&self, key: &GenerationKey) -> PathBuf {
        self.path.join(format!("{}-{}.db", key.projection, key.number))
    }

    /// Does `work` in one consistent view of a generation.
    pub(super) fn read<T>(
        &self,
        key: &GenerationKey,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut file = match self.take_idle(key) {
            Some(file) => file,
            None => generation_file::reader(&self.generation(key), key)?,
        };
        let view: Transaction<'_> = file.transaction()?;
        let value = work(&view);
        // A connection that cannot end its view is not used again.
        view.finish()?;
        self.keep_idle(key, file);
        value
    }

    fn take_idle(&self, key: &GenerationKey) -> Option<Connection> {
        let mut idle = self.idle();
        let place = idle.iter().rposition(|(kept, _)| kept == key)?;
        Some(idle.remove(place).1)
    }

    fn keep_idle(&self, key: &GenerationKey, file: Connection) {
        let mut idle = self.idle();
        idle.push((key.clone(), file));
        let longest_unused = (idle.len() > IDLE_MAX).then(|| idle.remove(0));
        drop(idle);
        // Closing takes its time: not under the mutex.
        drop(longest_unused);
    }

    /// Closes what is open and belongs to no generation in `known`: the space of a removed file is
    /// free only when nobody has it open.
    pub(super) fn close_others(&self, known: &[GenerationKey]) {
        let others: Vec<_> = self.idle().extract_if(.., |(key, _)| !known.contains(key)).collect();
        drop(others);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(GenerationKey, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes files of generations that are not in `known`: left behind when a process ended while
    /// it made or retired one. The caller holds the catalog, so nobody is about to enter one.
    pub(super) fn remove_leftovers(&self, known: &[GenerationKey]) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let Some(key) = path.file_name().and_then(key_of) else { continue };
            if !known.contains(&key) {
                let path = self.generation(&key);
                // Another process may go on writing to it.
                let _ = generation_file::retire(&path, &key);
                generation_file::remove(&path)?;
            }
        }
        Ok(())
    }
}

/// The generation that a file with this name belongs to; `None` for all that is not ours.
fn key_of(name: &OsStr) -> Option<GenerationKey> {
    let name = name.to_str()?;
    let stem = [".db", ".db-wal", ".db-shm", ".db-journal"]
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix))?;
    let (projection, number) = stem.rsplit_once('-')?;
    let number: u32 = number.parse().ok()?;
    let key = GenerationKey { projection: projection.to_owned(), number };
    (is_name(projection) && format!("{projection}-{number}") == stem).then_some(key)
}

/// Whether a projection may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= annals_core::limits::PROJECTION_NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_we_give_are_ours() {
        let key = |name: &str| key_of(OsStr::new(name)).map(|key| key.to_string());
        let known = Some("account_summary generation 12".to_owned());
        assert_eq!(key("account_summary-12.db"), known);
        assert_eq!(key("account_summary-12.db-wal"), known);
        for name in [
            "catalog.db",
            "catalog.db-wal",
            "a-012.db",
            "a-+1.db",
            "a-1.db.bak",
            "a-1",
            "-1.db",
            "A-1.db",
            "a b-1.db",
            "1-1.db",
            "a-1-2.db",
            "../a-1.db",
            "a-99999999999.db",
        ] {
            assert_eq!(key(name), None, "{name}");
        }
    }
}
