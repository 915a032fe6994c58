//! One writer for each log: the lock file.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};

/// Longest lock file that is believed.
const HOLDER_BYTES_MAX: u64 = 4096;

/// Who holds a log for writing, as far as the lock file tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// The process.
    pub pid: Option<u32>,
    /// The name of its program.
    pub program: Option<String>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(formatter, "process {pid}")?,
            None => formatter.write_str("another process")?,
        }
        if let Some(program) = &self.program {
            write!(formatter, " ({program})")?;
        }
        if let Some(since) = &self.since {
            write!(formatter, " since {}", since.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        }
        Ok(())
    }
}

impl Holder {
    fn this_process() -> Self {
        // tidy: expect(environment): who holds the file is told to whoever is refused
        let program = std::env::current_exe().ok().and_then(|path| {
            path.file_name().map(|name| name.to_string_lossy().replace(char::is_control, "?"))
        });
        Self { pid: Some(std::process::id()), program, since: Some(Utc::now()) }
    }

    fn parse(text: &str) -> Self {
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Self {
            pid: field("pid").and_then(|pid| pid.parse().ok()),
            program: field("program").map(|program| program.replace(char::is_control, "?")),
            since: field("since")
                .and_then(|since| DateTime::parse_from_rfc3339(since).ok())
                .map(|since| since.to_utc()),
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        if let Some(pid) = self.pid {
            text.push_str(&format!("pid={pid}\n"));
        }
        if let Some(program) = &self.program {
            text.push_str(&format!("program={program}\n"));
        }
        if let Some(since) = &self.since {
            text.push_str(&format!("since={}\n", since.to_rfc3339()));
        }
        text
    }
}

/// The right to write to a log, until dropped.
///
/// The operating system holds the lock, so it ends with the process however that ends. The file
/// stays: whoever deleted it could delete the one a third process has just locked.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum LockError {
    Held(Holder),
    Io(io::Error),
}

impl Lock {
    pub(crate) fn acquire(path: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Whatever cannot be read only makes the message poorer.
                let _ = (&file).take(HOLDER_BYTES_MAX).read_to_string(&mut text);
                return Err(LockError::Held(Holder::parse(&text)));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        let describe = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(Holder::this_process().to_text().as_bytes())
        };
        // The lock is what counts. On a full disk a log must open all the same.
        let _ = describe(&mut file);
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only for people who look into the file, and before it is somebody else's.
        let _ = self.file.set_len(0);
        // It would end with the handle, but only with the last one: a process that is being started
        // has all handles of this one for a moment.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Was held for as long as any process took to start that was started at that moment.
    #[test]
    fn lock_ends_although_somebody_has_inherited_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Lock::acquire(&path).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::acquire(&path), Err(LockError::Held(_))));
        drop(lock);
        Lock::acquire(&path).unwrap();
        drop(inherited);
    }

    #[test]
    fn holder_reads_what_it_wrote_and_survives_nonsense() {
        let holder = Holder::this_process();
        assert_eq!(Holder::parse(&holder.to_text()), holder);
        assert_eq!(Holder::parse("pid=x\nsince=\n\u{1b}"), Holder::default());
        assert_eq!(Holder::default().to_string(), "another process");
        let holder = Holder::parse("pid=7\nprogram=a\u{1b}[2J\nsince=2026-01-02T03:04:05Z");
        assert_eq!(holder.to_string(), "process 7 (a?[2J) since 2026-01-02T03:04:05Z");
    }
}
