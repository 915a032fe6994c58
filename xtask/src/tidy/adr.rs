//! Decisions that were taken can be found, and read in a minute.

use super::Finding;
use super::tree::Tree;

const FOLDER: &str = "docs/adr/";
const INDEX: &str = "docs/adr/README.md";

/// One page.
const LINES_MAX: usize = 80;

/// What each record must say, in this order.
const PARTS: [&str; 4] = ["Status:", "## Context", "## Decision", "## Consequences"];

/// Finds records that are not numbered, not listed, too long or incomplete.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let index = tree.text(INDEX).unwrap_or_default();
    let mut findings = Vec::new();
    let mut numbers = Vec::new();
    for (path, text) in tree.texts(".md").filter(|(path, _)| is_record(path)) {
        let name = path.strip_prefix(FOLDER).unwrap_or(path);
        let number = name.get(..5).filter(|start| is_number(start));
        let mut problems = text_problems(text);
        if number.is_none() {
            problems.push("the name does not begin with a number like 0001-".to_owned());
        }
        if number.is_some() && numbers.contains(&number) {
            problems.push("another record has this number".to_owned());
        }
        if !index.contains(&format!("]({name})")) {
            problems.push(format!("the record is not listed in {INDEX}"));
        }
        numbers.push(number);
        findings.extend(problems.into_iter().map(|problem| Finding::new(path, 1, problem)));
    }
    findings
}

fn is_record(path: &str) -> bool {
    path.starts_with(FOLDER) && path != INDEX
}

fn is_number(start: &str) -> bool {
    start.strip_suffix('-').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn text_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        problems.push(format!("{lines} lines are more than a page, which has {LINES_MAX}"));
    }
    let mut rest = text;
    for part in PARTS {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => problems.push(format!("`{part}` is missing or not in its place")),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "# 1\nStatus: accepted\n## Context\n## Decision\n## Consequences\n";

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_complete_and_listed_record_is_right() {
        let found =
            problems(&[("docs/adr/README.md", "[1](0001-a.md)"), ("docs/adr/0001-a.md", RECORD)]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_record_that_is_not_listed_is_refused() {
        assert_eq!(
            problems(&[("docs/adr/0001-a.md", RECORD)]),
            ["the record is not listed in docs/adr/README.md"]
        );
    }

    #[test]
    fn numbers_are_there_and_unique() {
        let index = "[1](0001-a.md) [1](0001-b.md) [x](x.md)";
        let found = problems(&[
            ("docs/adr/README.md", index),
            ("docs/adr/0001-a.md", RECORD),
            ("docs/adr/0001-b.md", RECORD),
            ("docs/adr/x.md", RECORD),
        ]);
        assert_eq!(
            found,
            ["another record has this number", "the name does not begin with a number like 0001-"]
        );
    }

    #[test]
    fn a_record_is_complete_and_one_page() {
        assert_eq!(text_problems(&RECORD.replace("## Context", "")).len(), 1);
        assert_eq!(text_problems(&format!("{RECORD}{}", "line\n".repeat(LINES_MAX))).len(), 1);
    }
}
