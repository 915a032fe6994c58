//! The texts of the tree, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::rust::RustFile;

/// Every file that is, or is about to be, under version control.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Paths from the root, with `/`.
    paths: BTreeSet<String>,
    texts: BTreeMap<String, String>,
    rust: Vec<RustFile>,
}

impl Tree {
    /// Reads what git lists: what is ignored there is nobody's business here.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("cannot start git, which lists the files to check")?;
        ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let mut tree = Self::default();
        for path in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            // Git still lists a file that was deleted and not yet committed.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                tree.add(path, bytes);
            }
        }
        Ok(tree)
    }

    /// A tree of these paths and texts.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add(path, text.as_bytes().to_vec());
        }
        tree
    }

    fn add(&mut self, path: &str, bytes: Vec<u8>) {
        self.paths.insert(path.to_owned());
        let Ok(text) = String::from_utf8(bytes) else { return };
        if path.ends_with(".rs") {
            self.rust.push(RustFile::new(path, &text));
        }
        self.texts.insert(path.to_owned(), text);
    }

    /// Every path, files that are not text included.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.paths.contains(path) || self.paths.iter().any(|file| file.starts_with(&folder))
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Path and text of each file whose path ends like this; all texts for an empty end.
    pub(super) fn texts(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every file of Rust code.
    pub(super) fn rust(&self) -> &[RustFile] {
        &self.rust
    }
}

/// The lines of a text with their numbers, counted from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The name of the package a path belongs to, as its folder is called.
pub(super) fn package(path: &str) -> &str {
    let mut parts = path.split('/');
    match (parts.next(), parts.next()) {
        (Some("crates" | "examples" | "bench"), Some(name)) => name,
        (Some(first), _) => first,
        (None, _) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_when_a_file_is_in_it() {
        let tree = Tree::of(&[("docs/adr/0001-x.md", "")]);
        assert!(tree.has("docs/adr"));
        assert!(tree.has("docs/adr/0001-x.md"));
        assert!(!tree.has("docs/ad"));
    }

    #[test]
    fn a_path_tells_its_package() {
        assert_eq!(package("crates/annals-core/src/lib.rs"), "annals-core");
        assert_eq!(package("examples/bank/src/main.rs"), "bank");
        assert_eq!(package("xtask/src/main.rs"), "xtask");
    }
}
