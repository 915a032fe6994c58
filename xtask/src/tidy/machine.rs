//! The tree knows no machine.
//!
//! A path of one machine in a text is wrong on every other, and tells strangers how somebody's
//! desk is arranged.

use super::Finding;
use super::tree::{Tree, numbered};

/// Beginnings of paths that exist on some machine only, put together so that this file has none.
const PATHS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:", "\\"),
];

/// Data beside the tree: there when the tree is checked, unknown to whoever clones it.
const BESIDE: &str = concat!("../sh", "ared");

/// The only file that may use it.
const CHECK_RUN: &str = ".ci/run";

/// Finds absolute paths and paths to places beside the tree.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts("") {
        for (line, content) in numbered(text) {
            let absolute = PATHS.into_iter().find(|start| has_path(content, start));
            let beside = content.contains(BESIDE) && path != CHECK_RUN;
            if let Some(place) = absolute.or(beside.then_some(BESIDE)) {
                let message = format!("`{place}` is a place on some machine");
                findings.push(Finding::new(path, line, message));
            }
        }
    }
    findings
}

/// Whether a path that begins like this stands in a line, and not as the end of a longer one.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_path_of_one_machine_is_refused() {
        for start in PATHS {
            assert_eq!(count("README.md", &format!("see {start}me/notes")), 1, "{start}");
        }
    }

    #[test]
    fn a_path_within_the_tree_is_free() {
        let inner = format!("docs{}x and https://example.org{}x", PATHS[0], PATHS[2]);
        assert_eq!(count("README.md", &inner), 0);
    }

    #[test]
    fn only_the_check_run_looks_beside_the_tree() {
        assert_eq!(count(".ci/run", &format!("FILE={BESIDE}/data")), 0);
        assert_eq!(count("README.md", &format!("FILE={BESIDE}/data")), 1);
    }
}
