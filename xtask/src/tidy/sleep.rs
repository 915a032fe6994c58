//! Tests do not sleep.
//!
//! A pause is too short on a slow machine and too long on a fast one. Tests wait for a signal, or
//! move a clock of their own.

use super::Finding;
use super::rust::{RustFile, Token};
use super::tree::Tree;

/// Finds calls of `sleep` in tests. Benchmarks prove nothing and may.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let tests = tree.rust().iter().filter(|file| !file.path.contains("/benches/"));
    tests.flat_map(in_file).collect()
}

fn in_file(file: &RustFile) -> Vec<Finding> {
    let calls = file.tokens.windows(2).filter(|window| is_call(window));
    let lines = calls.filter_map(|window| window.first()).map(|token| token.line);
    let message = "a test waits for a signal or moves the clock; it does not sleep";
    lines.map(|line| Finding::new(&file.path, line, message)).collect()
}

fn is_call(window: &[Token]) -> bool {
    match window {
        [name, open] => name.is_test && name.is_name("sleep") && open.is_mark('('),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_test_that_sleeps_is_refused() {
        let text = "fn a() { std::thread::sleep(b); }";
        assert_eq!(count("crates/x/tests/it/main.rs", text), 1);
        assert_eq!(count("crates/x/src/a.rs", &format!("#[test]\n{text}")), 1);
    }

    #[test]
    fn the_product_and_benchmarks_may_wait() {
        assert_eq!(count("crates/x/benches/a.rs", "fn a() { std::thread::sleep(b); }"), 0);
        assert_eq!(count("crates/x/src/a.rs", "async fn a() { tokio::time::sleep(b).await }"), 0);
    }
}
