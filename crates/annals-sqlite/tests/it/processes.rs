//! A second process: refused as a writer, welcome as a reader.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use annals_core::{EventStore, Position};
use annals_sqlite::{OpenError, SqliteStore};
use tempfile::TempDir;

use crate::child::{self, log_in};
use crate::workload::{self, Outcome};

pub(crate) const HOLDER: &str = "holder";
pub(crate) const READER: &str = "reader";
const NEWS: u64 = 20;

/// Holds the log until it is killed.
pub(crate) fn hold(folder: &Path) {
    let _store = SqliteStore::open(log_in(folder)).unwrap();
    say("ready");
    loop {
        std::thread::park();
    }
}

/// Waits for one event after the other, and says so each time.
pub(crate) fn read(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::options().read_only().open(log_in(folder)).unwrap();
    let mut head = Position::ZERO;
    say("ready");
    while head.get() < NEWS {
        head = runtime.block_on(store.wait_past(head)).unwrap();
        let events = runtime.block_on(workload::verify(&store, Position::ZERO));
        assert!(events.len() as u64 >= head.get(), "told of events that cannot be read");
        say(&format!("head {head}"));
    }
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str, folder: &Path) -> Self {
        let mut child = child::command(role, folder).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, lines };
        process.listen(|line| (line == "ready").then_some(()));
        process
    }

    /// The first line that means something to `hear`.
    fn listen<T>(&mut self, hear: impl Fn(&str) -> Option<T>) -> T {
        self.lines.find_map(|line| hear(&line.unwrap())).expect("the process says it in the end")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn second_writer_is_told_who_holds_the_log() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let holder = Process::start(HOLDER, folder.path());
    let refusal = SqliteStore::open(&path).unwrap_err();
    let OpenError::Held { by, .. } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(by.pid, Some(holder.child.id()));
    let program = std::env::current_exe().unwrap();
    assert_eq!(by.program.as_deref(), program.file_name().unwrap().to_str());
    assert!(by.since.is_some(), "{by:?}");
    let expected = format!("is held for writing by process {} (", holder.child.id());
    assert!(refusal.to_string().contains(&expected), "{refusal}");
    // The lock ends with the process, however it ends.
    drop(holder);
    SqliteStore::open(&path).unwrap().close();
}

#[test]
fn second_process_learns_of_every_event_by_waiting() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(log_in(folder.path())).unwrap();
    let mut reader = Process::start(READER, folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut head = 0;
    while head < NEWS {
        let outcome = runtime.block_on(workload::send(&store, &format!("n-{head}")));
        assert!(matches!(outcome, Outcome::Acknowledged { .. }), "{outcome:?}");
        // Nothing else is written until the reader has seen this.
        let written = runtime.block_on(store.head()).unwrap().get();
        head = reader.listen(|line| line.strip_prefix("head ")?.parse().ok());
        assert_eq!(head, written);
    }
    assert!(reader.child.wait().unwrap().success());
}
