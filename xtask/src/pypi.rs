//! Programs from PyPI, installed below the target folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Installs what `arguments` name, and nothing that these need, into the folder `installed`, which
/// does not exist yet. A run that is broken off leaves nothing that looks whole.
pub(crate) fn install(installed: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let parent = installed.parent().context("the root is no place to install to")?;
    std::fs::create_dir_all(parent)?;
    let scratch = tempfile::tempdir_in(parent)?;
    let unpacked = scratch.path().join("unpacked");
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--root-user-action", "ignore", "--only-binary", ":all:", "--target"])
        .arg(&unpacked)
        .args(arguments)
        .output()
        .context("cannot start python3")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pip failed ({}): {}", output.status, said.trim());
    std::fs::rename(&unpacked, installed)
        .with_context(|| format!("cannot move what was installed to {}", installed.display()))
}
