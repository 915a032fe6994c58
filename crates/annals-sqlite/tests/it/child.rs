//! Copies of this test binary that play a role: a process to be killed, watched or locked out.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{batches, crash_images, faults, kill, processes, read_models};

const ROLE: &str = "ANNALS_TEST_ROLE";
const FOLDER: &str = "ANNALS_TEST_FOLDER";

/// A process that plays `role` on the log in `folder`.
pub(crate) fn command(role: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("this binary has a path"));
    command
        .args(["--exact", "child::plays_its_role", "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Where the log is in a folder.
pub(crate) fn log_in(folder: &Path) -> PathBuf {
    folder.join("log.db")
}

/// The entry of such a process. Without a role, as in a normal run, there is nothing to do.
#[test]
fn plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = PathBuf::from(env::var_os(FOLDER).expect("a role has a folder"));
    match role.as_str() {
        kill::ROLE => kill::play(&folder),
        crash_images::ROLE => crash_images::play(&folder),
        faults::ROLE => faults::play(&folder),
        batches::ROLE => batches::play(&folder),
        processes::HOLDER => processes::hold(&folder),
        processes::READER => processes::read(&folder),
        read_models::kill::ROLE => read_models::kill::play(&folder),
        read_models::crash_images::ROLE => read_models::crash_images::play(&folder),
        other => panic!("there is no role {other}"),
    }
}
