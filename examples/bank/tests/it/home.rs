//! A folder of its own for each test, and the program started in it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use annals::{App, Append, AppendCondition, NewEvent, Position};
use bank::services::BankServices;
use bank::store::{Access, StoreUrl};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::database::Database;

/// A folder, and a log. Both are gone after the test.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    database: Option<Database>,
    /// On a server that the test itself looks after.
    own_server: Option<String>,
}

/// The program after it has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// With the log where it is if nothing is said: in a file of the folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: None, own_server: None }
    }

    /// With the log in a database.
    pub(crate) fn on_postgres() -> Self {
        Self { database: Some(Database::create()), ..Self::new() }
    }

    /// With the log on a server of the test's own, by its URL.
    pub(crate) fn on_server(url: String) -> Self {
        Self { own_server: Some(url), ..Self::new() }
    }

    /// Where the log is.
    pub(crate) fn store(&self) -> String {
        let in_file = || format!("sqlite:{}", self.path("bank.db").display());
        self.url().unwrap_or_else(in_file)
    }

    fn url(&self) -> Option<String> {
        self.own_server.clone().or_else(|| self.database.as_ref().map(Database::url))
    }

    pub(crate) fn database(&self) -> &Database {
        self.database.as_ref().unwrap()
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
        command.env_remove("BANK_STORE").env_remove("RUST_LOG").env_remove("BANK_READ_MODELS");
        if let Some(url) = self.url() {
            command.env("BANK_STORE", url);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn bank(&self, args: &[&str]) -> Finished {
        Finished::of(&mut self.command(args))
    }

    /// The log as another process sees it.
    pub(crate) fn log(&self) -> Log {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url: StoreUrl = self.store().parse().unwrap();
        Log { app: runtime.block_on(url.open(Access::Read)).unwrap(), runtime }
    }

    /// Writes events past the bank, as other code would.
    pub(crate) fn append(&self, events: Vec<NewEvent>) {
        block_on(async {
            let url: StoreUrl = self.store().parse().unwrap();
            let app = url.open(Access::Write).await.unwrap();
            let append = Append::new(events, AppendCondition::default(), None).unwrap();
            let appended = app.store().append(append).await.unwrap();
            assert!(!appended.repeated);
        });
    }

    /// The position of the last event.
    pub(crate) fn head(&self) -> Position {
        self.log().head()
    }
}

/// A log that is looked at.
#[derive(Debug)]
pub(crate) struct Log {
    app: App<BankServices>,
    /// The one it was opened on.
    runtime: Runtime,
}

impl Log {
    pub(crate) fn head(&self) -> Position {
        self.runtime.block_on(self.app.store().head()).unwrap()
    }

    pub(crate) fn wait_past(&self, position: Position) {
        self.runtime.block_on(self.app.store().wait_past(position)).unwrap();
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Finished {
    /// Runs a program to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

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
