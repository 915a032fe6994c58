//! Copies of this test binary that play a role: processes that are killed and paused.

use std::env;
use std::process::{Child, Command, Stdio};

use crate::many_workers;

const DATABASE: &str = "ANNALS_TEST_DATABASE";

/// A process that keeps the read models of this database up to date, until it is killed.
#[derive(Debug)]
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn start(url: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this binary has a path"));
        command
            .args(["--exact", "child::plays_its_role", "--nocapture"])
            .env(DATABASE, url)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(command.spawn().expect("this program can be started"))
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }

    /// Stops it in the middle of whatever it does.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Has it go on as if nothing had happened.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success(), "the worker has ended by itself");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The entry of such a process. Without a database, as in a normal run, there is nothing to do.
#[test]
fn plays_its_role() {
    if let Ok(url) = env::var(DATABASE) {
        many_workers::play(&url);
    }
}
