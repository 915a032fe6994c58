//! Processes that write or read, and what they say.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use annals_core::Position;

use crate::child;

/// An append that a writer was told to be written.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    pub(super) command: String,
    pub(super) first_position: Position,
    pub(super) count: usize,
}

/// A copy of this program that plays a role.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    orders: ChildStdin,
    lines: mpsc::Receiver<String>,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    /// A process that writes until it is told to end.
    pub(super) fn writer(url: &str) -> Self {
        Self::start(child::command(child::WRITER, url))
    }

    /// A process that reads until it is told where the log ends.
    pub(super) fn reader(url: &str) -> Self {
        Self::start(child::command(child::READER, url))
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("this program can be started");
        let orders = child.stdin.take().expect("it was asked for");
        let said = child.stdout.take().expect("it was asked for");
        let complaints = child.stderr.take().expect("it was asked for");
        let (sender, lines) = mpsc::channel();
        // Both end with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let complaints = Some(std::thread::spawn(move || text(complaints)));
        Self { child, orders, lines, complaints }
    }

    /// Ends it in the middle of whatever it does.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Nobody has told it to end.
    pub(super) fn assert_is_running(&mut self) {
        let ended = self.child.try_wait().expect("it is ours");
        assert!(ended.is_none(), "{}", self.complaints());
    }

    /// Lets a writer finish what it has begun, and gives what was acknowledged to it.
    pub(super) fn finish(mut self) -> Vec<Acknowledged> {
        self.order("end");
        // Read first: a pipe that is full would keep it from ending.
        let acknowledged = self.lines.iter().filter_map(|line| acknowledged(&line)).collect();
        self.assert_success();
        acknowledged
    }

    /// One that has ended already says elsewhere why.
    fn order(&mut self, order: &str) {
        let _ = writeln!(self.orders, "{order}");
    }

    fn assert_success(&mut self) {
        let status = self.child.wait().expect("it is ours");
        assert!(status.success(), "{}", self.complaints());
    }

    /// What it had to say against it. It has ended.
    fn complaints(&mut self) -> String {
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok());
        let complaints = complaints.unwrap_or_default();
        // The first panic is the reason for all others.
        let panic = complaints.lines().skip_while(|line| !line.contains("panicked"));
        format!("a process gave up: {}", panic.take(4).collect::<Vec<_>>().join(" "))
    }

    /// What was acknowledged to one that was killed. A last line that was cut off does not count.
    pub(super) fn acknowledged(self) -> Vec<Acknowledged> {
        self.lines.iter().filter_map(|line| acknowledged(&line)).collect()
    }

    /// Tells a reader where the log ends, and gives the digest of what it read up to there.
    pub(super) fn end(mut self, head: Position) -> u64 {
        self.order(&head.to_string());
        let digest = self.lines.iter().find_map(|line| line.strip_prefix("digest ")?.parse().ok());
        self.assert_success();
        digest.expect("a reader says what it has read")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of it, once it has ended.
fn text(mut complaints: ChildStderr) -> String {
    let mut text = Vec::new();
    let _ = complaints.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn acknowledged(line: &str) -> Option<Acknowledged> {
    let mut words = line.strip_prefix("acknowledged ")?.split(' ');
    let (command, position, count, end) =
        (words.next()?, words.next()?, words.next()?, words.next()?);
    let first_position = Position::new(position.parse().ok()?).ok()?;
    let is_whole = end == "end" && words.next().is_none();
    let count = count.parse().ok()?;
    is_whole.then(|| Acknowledged { command: command.to_owned(), first_position, count })
}

/// A process that is one of these.
pub(super) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).expect("somebody listens");
}

/// How [`Process::acknowledged`] is told.
pub(super) fn say_acknowledged(command: &str, first_position: Position, count: usize) {
    say(&format!("acknowledged {command} {first_position} {count} end"));
}

/// The line that is said on the standard input, once it is.
pub(super) fn order() -> Arc<OnceLock<String>> {
    let order = Arc::new(OnceLock::new());
    let told = Arc::clone(&order);
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        let _ = told.set(line.trim().to_owned());
    });
    order
}
