//! SQL stands in files of its own.
//!
//! A statement in a file can be read, explained and compared between stores, and nothing is ever
//! pasted into it. One in a string literal ends up assembled from pieces.

use super::Finding;
use super::rust::Kind;
use super::tree::{Tree, numbered};

/// How statements begin. A second word tells them from prose.
const BEGINNINGS: [&str; 27] = [
    "ALTER TABLE",
    "ANALYZE",
    "ATTACH DATABASE",
    "BEGIN DEFERRED",
    "BEGIN EXCLUSIVE",
    "BEGIN IMMEDIATE",
    "CREATE INDEX",
    "CREATE TABLE",
    "CREATE TEMP",
    "CREATE TRIGGER",
    "CREATE UNIQUE",
    "CREATE VIEW",
    "DELETE FROM",
    "DETACH DATABASE",
    "DROP INDEX",
    "DROP TABLE",
    "DROP TRIGGER",
    "EXPLAIN QUERY",
    "INSERT INTO",
    "INSERT OR",
    "PRAGMA",
    "REPLACE INTO",
    "SELECT",
    "TRUNCATE",
    "UPDATE",
    "VACUUM",
    "WITH RECURSIVE",
];

/// Finds statements in string literals, and files of SQL that do not explain themselves.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_product = |path: &str| path.starts_with("crates/") || path.starts_with("examples/");
    for file in tree.rust().iter().filter(|file| is_product(&file.path)) {
        for token in file.product_tokens() {
            if let Kind::Text(text) = &token.kind
                && is_statement(text)
            {
                let message = "a statement belongs into a file under src/sql, `include_str!`ed";
                findings.push(Finding::new(&file.path, token.line, message));
            }
        }
    }
    for (path, text) in tree.texts(".sql") {
        let problems = file_problems(text);
        findings.extend(problems.into_iter().map(|(line, text)| Finding::new(path, line, text)));
    }
    findings
}

/// Whether the inside of a string literal begins like a statement, in the upper case of the
/// keywords here or in the lower case that some write.
fn is_statement(literal: &str) -> bool {
    let start = literal.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    BEGINNINGS.iter().any(|beginning| {
        let is_prose = !beginning.contains(' ');
        let rest = start
            .strip_prefix(beginning)
            .or_else(|| start.strip_prefix(&beginning.to_lowercase()).filter(|_| !is_prose));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\\', ';', '(']))
    })
}

fn file_problems(text: &str) -> Vec<(usize, &'static str)> {
    let mut problems = Vec::new();
    if !text.starts_with("-- ") {
        problems.push((1, "the file does not begin with a comment on its purpose and its binds"));
    }
    for (line, content) in numbered(text) {
        let code = content.split("--").next().unwrap_or_default();
        if code.contains("SELECT *") {
            problems.push((line, "columns are named, never `*`"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_statement_in_a_string_literal_is_refused() {
        for statement in [
            "SELECT 1",
            "\\\n  SELECT position FROM event",
            "insert into event values (1)",
            "PRAGMA user_version",
            "UPDATE event SET a = 1",
            "BEGIN IMMEDIATE",
        ] {
            let code = format!("\nconst A: &str = \"{statement}\";");
            assert_eq!(lines("crates/x/src/a.rs", &code), [2], "{statement}");
        }
    }

    #[test]
    fn prose_and_tests_are_no_statements() {
        for prose in ["select an account", "update the account", "SELECTED", "with care", ""] {
            let code = format!("const A: &str = \"{prose}\";");
            assert!(lines("crates/x/src/a.rs", &code).is_empty(), "{prose}");
        }
        let test = "#[cfg(test)]\nmod tests { const A: &str = \"SELECT 1\"; }";
        assert!(lines("crates/x/src/a.rs", test).is_empty());
    }

    #[test]
    fn a_file_of_sql_says_what_it_is_for_and_names_its_columns() {
        assert!(
            lines("a.sql", "-- The head. Binds: none.\nSELECT position FROM head;\n").is_empty()
        );
        assert_eq!(lines("a.sql", "SELECT position FROM head;\n"), [1]);
        assert_eq!(lines("a.sql", "-- Everything.\nSELECT * FROM event;\n"), [2]);
    }
}
