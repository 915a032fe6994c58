//! A folder of its own for each test, and the program started in it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use annals::sqlite::SqliteStore;
use annals::{EventStore, Position};
use tempfile::TempDir;

/// A folder that is gone after the test.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

/// The program after it has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The program, about to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("BANK_STORE").env_remove("RUST_LOG");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn bank(&self, args: &[&str]) -> Finished {
        let output = self.command(args).output().unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The log as another process sees it.
    pub(crate) fn log(&self) -> SqliteStore {
        SqliteStore::options().read_only().open(self.path("bank.db")).unwrap()
    }

    /// The position of the last event.
    pub(crate) fn head(&self) -> Position {
        block_on(async { self.log().head().await.unwrap() })
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Finished {
    /// The answer of a program that did what was asked.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The one line that says what is wrong.
    #[track_caller]
    pub(crate) fn error(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "");
        let line = self.stderr.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "more than one line: {line}");
        line.strip_prefix("error: ").unwrap()
    }
}
