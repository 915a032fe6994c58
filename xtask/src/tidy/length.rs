//! How long a text may be before it must be split.

use super::Finding;
use super::tree::Tree;

/// Longest file of code, tests aside. Most have well under 300 lines; beyond this one a file holds
/// more than one concept.
const RUST_LINES_MAX: usize = 500;

/// Longest description of the architecture, the one text everybody reads to the end.
const ARCHITECTURE_LINES_MAX: usize = 299;

/// Finds files that are too long.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let code = tree.rust().iter().filter_map(|file| {
        let lines = file.lines_without_tests;
        too_long(&file.path, lines, RUST_LINES_MAX, "without its tests: split it by concept")
    });
    let texts = tree.texts("ARCHITECTURE.md").filter_map(|(path, text)| {
        let lines = text.lines().count();
        too_long(path, lines, ARCHITECTURE_LINES_MAX, ": it is read to the end or not at all")
    });
    code.chain(texts).collect()
}

fn too_long(path: &str, lines: usize, lines_max: usize, advice: &str) -> Option<Finding> {
    let message = || format!("{lines} lines, at most {lines_max} are allowed {advice}");
    (lines > lines_max).then(|| Finding::new(path, 1, message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn code_above_the_bound_is_refused_and_tests_do_not_count() {
        let code = "const A: u8 = 1;\n".repeat(RUST_LINES_MAX);
        assert_eq!(count("crates/x/src/a.rs", &code), 0);
        assert_eq!(count("crates/x/src/a.rs", &format!("{code}const B: u8 = 1;")), 1);
        let tests = "    fn a() {}\n".repeat(RUST_LINES_MAX);
        let tested = format!("{code}#[cfg(test)]\nmod tests {{\n{tests}}}\n");
        assert_eq!(count("crates/x/src/a.rs", &tested), 0);
        assert_eq!(count("crates/x/tests/it/main.rs", &format!("{code}{code}")), 0);
    }

    #[test]
    fn the_architecture_stays_below_three_hundred_lines() {
        assert_eq!(count("ARCHITECTURE.md", &"line\n".repeat(299)), 0);
        assert_eq!(count("ARCHITECTURE.md", &"line\n".repeat(300)), 1);
        assert_eq!(count("GLOSSARY.md", &"line\n".repeat(300)), 0);
    }
}
