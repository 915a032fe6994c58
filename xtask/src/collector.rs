//! An OTLP collector for the tests, installed where there is none.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::pypi;

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
    let installed = root.join("target").join(PACKAGE).join(VERSION);
    let program = installed.join("rotel").join("rotel-agent");
    if !program.exists() {
        println!("no OTLP collector is here: installing {PACKAGE} {VERSION} from PyPI");
        pypi::install(&installed, &[&format!("{PACKAGE}=={VERSION}")])?;
    }
    ensure!(program.exists(), "{PACKAGE} {VERSION} does not hold {}", program.display());
    Ok(program)
}
