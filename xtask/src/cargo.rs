//! The cargo that runs this task, so that all of a task uses one toolchain.

use std::path::Path;
use std::process::Command;

/// A command of cargo, run in the folder of the workspace.
pub(crate) fn command(root: &Path) -> Command {
    // Set by `cargo run`; without it the task was started by hand.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root);
    command
}
