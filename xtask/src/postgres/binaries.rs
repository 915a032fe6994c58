//! PostgreSQL's programs on this machine.

use std::path::{Path, PathBuf};

/// Programs that a folder must have to be of use.
const NEEDED: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Where packages put each version into a folder of its own.
const VERSIONED: [&str; 3] = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"];

/// Oldest version that the store works with.
pub(super) const VERSION_MIN: u32 = 15;

/// The folder of the programs: the first on the PATH, else the newest of those that packages
/// install beside it.
pub(super) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| has_programs(folder));
    on_path.map(behind_links).or_else(newest)
}

/// The folder itself, where the one on the PATH holds links to some of its programs.
fn behind_links(folder: PathBuf) -> PathBuf {
    let program = folder.join("initdb").canonicalize();
    let behind = program.ok().and_then(|program| program.parent().map(Path::to_owned));
    behind.filter(|behind| has_programs(behind)).unwrap_or(folder)
}

pub(super) fn has_programs(folder: &Path) -> bool {
    NEEDED.iter().all(|program| folder.join(program).exists())
}

fn newest() -> Option<PathBuf> {
    let usable = installed().filter(|(version, _)| *version >= VERSION_MIN);
    usable.max().map(|(_, bin)| bin)
}

/// The folder of the programs of this very version, where packages put it.
pub(super) fn of_version(version: u32) -> Option<PathBuf> {
    installed().find(|(found, _)| *found == version).map(|(_, bin)| bin)
}

/// What packages have put into folders by version.
fn installed() -> impl Iterator<Item = (u32, PathBuf)> {
    let folders = VERSIONED.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    let versions = folders.flatten().filter_map(|entry| {
        let folder = entry.ok()?.path();
        let version = version(folder.file_name()?.to_str()?)?;
        Some((version, folder.join("bin")))
    });
    versions.filter(|(_, bin)| has_programs(bin))
}

/// The version in the name of a folder: `15`, `postgresql@17`.
fn version(folder: &str) -> Option<u32> {
    folder.strip_prefix("postgresql@").unwrap_or(folder).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_packages_tell_the_version() {
        assert_eq!(version("15"), Some(15));
        assert_eq!(version("postgresql@17"), Some(17));
        assert_eq!(version("openssl@3"), None);
    }
}
