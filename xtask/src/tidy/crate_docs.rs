//! Every crate says what it is before it does anything.

use super::Finding;
use super::rust::{Kind, RustFile};
use super::tree::Tree;

/// Finds roots of crates that do not begin with documentation.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let roots = tree
        .rust()
        .iter()
        .filter(|file| file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs"));
    roots.filter(|file| !is_documented(file, tree)).map(finding).collect()
}

/// Whether the text begins with `//!` and says something.
fn is_documented(file: &RustFile, tree: &Tree) -> bool {
    let is_inner = tree.text(&file.path).is_some_and(|text| text.starts_with("//!"));
    let first = file.tokens.first().map(|token| &token.kind);
    is_inner && matches!(first, Some(Kind::Doc(text)) if !text.trim().is_empty())
}

fn finding(file: &RustFile) -> Finding {
    Finding::new(&file.path, 1, "a crate begins with `//!` and what it is for")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_crate_without_documentation_is_refused() {
        assert_eq!(count("crates/x/src/lib.rs", "//! What it is.\nmod a;"), 0);
        assert_eq!(count("crates/x/src/lib.rs", "mod a;"), 1);
        assert_eq!(count("crates/x/src/main.rs", "fn main() {}"), 1);
        assert_eq!(count("crates/x/src/lib.rs", "//!\nmod a;"), 1);
    }

    #[test]
    fn other_files_are_not_asked() {
        assert_eq!(count("crates/x/src/a.rs", "mod a;"), 0);
    }
}
