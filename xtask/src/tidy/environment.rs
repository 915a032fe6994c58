//! Only binaries read the environment.
//!
//! A library that reads variables or arguments has options nobody sees in its signature, and
//! behaves differently under test. What it needs is passed to it.

use super::Finding;
use super::rust::{RustFile, Token};
use super::tree::Tree;

/// The programs; everything else is a library.
const PROGRAMS: [&str; 4] = ["bank", "annals-cli", "peers", "xtask"];

/// Finds uses of `std::env` in libraries, their tests aside.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let libraries = tree.rust().iter().filter(|file| !PROGRAMS.contains(&file.package()));
    libraries.flat_map(in_file).collect()
}

fn in_file(file: &RustFile) -> Vec<Finding> {
    let tokens: Vec<&Token> = file.product_tokens().collect();
    let message = "a library must not read the environment; take the value as an argument";
    (0..tokens.len())
        .filter_map(|start| tokens.get(start..))
        .filter(|rest| is_use(rest))
        .filter_map(|rest| rest.first())
        .map(|token| Finding::new(&file.path, token.line, message))
        .collect()
}

/// Whether code that begins like this takes `env` from `std`, alone or in a list.
///
/// `env!`, which is read when the crate is compiled, is another name.
fn is_use(tokens: &[&Token]) -> bool {
    let [std, first, second, rest @ ..] = tokens else { return false };
    let is_path = std.is_name("std") && first.is_mark(':') && second.is_mark(':');
    match rest {
        [env, ..] if env.is_name("env") => is_path,
        [open, list @ ..] if open.is_mark('{') => {
            let end = list.iter().position(|token| token.is_mark(';')).unwrap_or(list.len());
            is_path && list.iter().take(end).any(|token| token.is_name("env"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_library_that_reads_the_environment_is_refused() {
        let path = "crates/annals-core/src/a.rs";
        assert_eq!(lines(path, "\nfn a() { std::env::var(\"A\"); }"), [2]);
        assert_eq!(lines(path, "use std::env;"), [1]);
        assert_eq!(lines(path, "use std::env::{args, vars};"), [1]);
        assert_eq!(lines(path, "use std::{fmt, env};"), [1]);
    }

    #[test]
    fn programs_and_tests_may_read_it() {
        let text = "fn a() { std::env::args(); }";
        assert!(lines("examples/bank/src/main.rs", text).is_empty());
        assert!(lines("crates/annals-sqlite/tests/it/main.rs", text).is_empty());
        let tests = "#[cfg(test)]\nmod tests { use std::env; }";
        assert!(lines("crates/annals-core/src/a.rs", tests).is_empty());
    }

    #[test]
    fn what_the_compiler_reads_is_not_the_environment() {
        let text = "const A: &str = env!(\"CARGO_PKG_VERSION\");";
        assert!(lines("crates/annals-core/src/a.rs", text).is_empty());
    }
}
