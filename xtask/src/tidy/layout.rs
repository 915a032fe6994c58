//! Where code stands and what it looks like on the page.
//!
//! A file is named by what it is about; the names refused here are about nothing, and collect what
//! nobody found a place for. ASCII and the width keep every diff readable everywhere.

use super::Finding;
use super::tree::{Tree, numbered};

/// Names that say nothing.
const NAMES: [&str; 10] = [
    "common",
    "helper",
    "helpers",
    "manager",
    "misc",
    "shared",
    "types",
    "util",
    "utilities",
    "utils",
];

/// Widest line of code: two files fit side by side on a screen.
const COLUMNS_MAX: usize = 100;

/// Finds files of Rust code that are misnamed, too wide or not ASCII.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".rs") {
        findings.extend(name_problem(path).map(|problem| Finding::new(path, 1, problem)));
        // Programs that must not compile show, among other things, names that are not ASCII.
        for (line, content) in numbered(text).filter(|_| !path.contains("/tests/ui/")) {
            let problems = line_problems(content);
            findings.extend(problems.into_iter().map(|problem| Finding::new(path, line, problem)));
        }
    }
    for file in tree.rust() {
        let problem = file.problem.as_ref().map(|problem| format!("this is not Rust: {problem}"));
        findings.extend(problem.map(|problem| Finding::new(&file.path, 1, problem)));
    }
    findings
}

fn name_problem(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?.strip_suffix(".rs")?;
    if name == "mod" {
        return Some("modules are called foo.rs, not foo/mod.rs".to_owned());
    }
    NAMES.contains(&name).then(|| format!("`{name}` does not say what the file is about"))
}

fn line_problems(line: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(character) = line.chars().find(|character| !character.is_ascii()) {
        problems
            .push(format!("code is ASCII; write {character:?} as {}", character.escape_unicode()));
    }
    let columns = line.chars().count();
    if columns > COLUMNS_MAX {
        problems.push(format!("{columns} columns, at most {COLUMNS_MAX} are allowed"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        for name in ["mod", "util", "helpers", "types"] {
            assert_eq!(count(&format!("crates/x/src/{name}.rs"), ""), 1, "{name}");
        }
        assert_eq!(count("crates/x/src/typesetting.rs", ""), 0);
    }

    #[test]
    fn code_is_ascii_and_a_hundred_columns_wide() {
        let line = |columns: usize| format!("//{}", "x".repeat(columns - 2));
        assert_eq!(count("a.rs", &line(COLUMNS_MAX)), 0);
        assert_eq!(count("a.rs", &line(COLUMNS_MAX + 1)), 1);
        assert_eq!(count("a.rs", "// \u{2014}"), 1);
        assert_eq!(count("crates/x/tests/ui/a.rs", "// \u{2014}"), 0);
    }

    #[test]
    fn what_is_not_rust_is_said_rather_than_passed_over() {
        assert_eq!(count("a.rs", "fn a( {"), 1);
    }
}
