//! A tester of HTTP APIs by their description, installed where there is none.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::pypi;

/// The variable by which tests are given the folder with its Python packages.
pub(crate) const FOLDER: &str = "ANNALS_SCHEMATHESIS";

/// The version whose findings have been answered.
const VERSION: &str = "4.32.5";

/// It and all that it needs, each at one version.
const REQUIREMENTS: &str = "xtask/src/schemathesis.txt";

/// The folder: the one that a variable names, else one that is installed below the target folder
/// the first time.
pub(crate) fn provide(root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os(FOLDER).filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let installed = root.join("target").join("schemathesis").join(VERSION);
    if !installed.exists() {
        println!("schemathesis is not here: installing version {VERSION} from PyPI");
        let requirements = root.join(REQUIREMENTS);
        let requirements = requirements.to_str().context("the path is no text")?;
        pypi::install(&installed, &["--requirement", requirements])?;
    }
    Ok(installed)
}
