//! Copies of this test binary that play a role: processes that are killed.

use std::env;
use std::process::{Command, Stdio};

use crate::race_run;

pub(crate) const WRITER: &str = "writer";
pub(crate) const READER: &str = "reader";

const ROLE: &str = "ANNALS_TEST_ROLE";
const LOG: &str = "ANNALS_TEST_LOG";

/// A process that plays `role` on the log with this URL.
pub(crate) fn command(role: &str, url: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this binary has a path"));
    command
        .args(["--exact", "child::plays_its_role", "--nocapture"])
        .env(ROLE, role)
        .env(LOG, url)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The entry of such a process. Without a role, as in a normal run, there is nothing to do.
#[test]
fn plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    let url = env::var(LOG).expect("a role has a log");
    match role.as_str() {
        WRITER => race_run::play_writer(&url),
        READER => race_run::play_reader(&url),
        other => panic!("there is no role {other}"),
    }
}
