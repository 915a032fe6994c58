//! Tests do not sleep.
//!
//! A pause is too short on a slow machine and too long on a fast one. Tests wait for a signal, or
//! move a clock of their own. Where tokio's clock stands still, sleeping on it moves it.

use super::Finding;
use super::rust::{RustFile, Token};
use super::tree::Tree;

/// Finds calls of `sleep` in tests. Benchmarks prove nothing and may.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let tests = tree.rust().iter().filter(|file| !file.path.contains("/benches/"));
    tests.flat_map(in_file).collect()
}

fn in_file(file: &RustFile) -> Vec<Finding> {
    let has_own_clock = file.tokens.iter().any(|token| token.is_name("start_paused"));
    let message = "a test waits for a signal or moves the clock; it does not sleep";
    let mut findings = Vec::new();
    for (place, window) in file.tokens.windows(2).enumerate() {
        if is_call(window) && (!has_own_clock || is_of_thread(&file.tokens, place)) {
            findings
                .extend(window.first().map(|name| Finding::new(&file.path, name.line, message)));
        }
    }
    findings
}

fn is_call(window: &[Token]) -> bool {
    match window {
        [name, open] => name.is_test && name.is_name("sleep") && open.is_mark('('),
        _ => false,
    }
}

/// Whether the name at `place` follows `thread::`.
fn is_of_thread(tokens: &[Token], place: usize) -> bool {
    let path = tokens.get(place.saturating_sub(3)..place).unwrap_or_default();
    path.iter().any(|token| token.is_name("thread"))
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
    fn a_test_whose_clock_stands_still_may_sleep_on_it_and_nowhere_else() {
        let on_it =
            "#[tokio::test(start_paused = true)] async fn a() { tokio::time::sleep(b).await }";
        assert_eq!(count("crates/x/tests/it/main.rs", on_it), 0);
        let elsewhere = "#[tokio::test(start_paused = true)] async fn a() { thread::sleep(b) }";
        assert_eq!(count("crates/x/tests/it/main.rs", elsewhere), 1);
    }

    #[test]
    fn the_product_and_benchmarks_may_wait() {
        assert_eq!(count("crates/x/benches/a.rs", "fn a() { std::thread::sleep(b); }"), 0);
        assert_eq!(count("crates/x/src/a.rs", "async fn a() { tokio::time::sleep(b).await }"), 0);
    }
}
