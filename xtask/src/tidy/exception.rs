//! Exceptions from the rules, each with its reason.
//!
//! A comment that stands alone on a line excepts the line after it (comment lines in between
//! belong to the reason), or, on the first line of a file, the file where a rule is about the whole
//! of it:
//!
//! ```text
//! // tidy: expect(sql): the only statement that cannot be prepared
//! ```
//!
//! Like the compiler's `expect`, an exception that excepts nothing is itself against the rules, so
//! none outlives its cause.

use super::Finding;
use super::tree::{Tree, numbered};

/// What begins an exception after the mark of a comment.
const OPENING: &str = "tidy: expect(";

#[derive(Debug)]
struct Exception<'a> {
    path: &'a str,
    /// Where it stands.
    line: usize,
    /// The last line it is about.
    through: usize,
    rule: &'a str,
    reason: &'a str,
    is_used: bool,
}

/// The findings that no exception speaks of, and a finding for each exception that is not right.
pub(super) fn without_excepted(
    tree: &Tree,
    findings: Vec<(&'static str, Finding)>,
) -> Vec<Finding> {
    let mut exceptions: Vec<Exception<'_>> =
        tree.texts("").flat_map(|(path, text)| exceptions(path, text)).collect();
    let mut left = Vec::new();
    for (rule, finding) in findings {
        let excepting = exceptions.iter_mut().find(|exception| exception.covers(rule, &finding));
        match excepting {
            Some(exception) => exception.is_used = true,
            None => {
                let message = format!("{rule}: {}", finding.message);
                left.push(Finding { message, ..finding });
            }
        }
    }
    left.extend(exceptions.iter().filter_map(Exception::problem));
    left
}

impl Exception<'_> {
    fn covers(&self, rule: &str, finding: &Finding) -> bool {
        self.path == finding.path
            && self.rule == rule
            && (self.line..=self.through).contains(&finding.line)
    }

    fn problem(&self) -> Option<Finding> {
        let message = match (self.is_used, self.reason.is_empty()) {
            (false, _) => format!("exception: nothing here is against `{}`; remove it", self.rule),
            (true, true) => format!("exception: say why `{}` must not hold here", self.rule),
            (true, false) => return None,
        };
        Some(Finding::new(self.path, self.line, message))
    }
}

fn exceptions<'a>(path: &'a str, text: &'a str) -> Vec<Exception<'a>> {
    let mark = comment_mark(path);
    let mut found = Vec::new();
    for (line, content) in numbered(text) {
        let Some((rule, reason)) = parse(mark, content) else { continue };
        let is_reason = |next: &&str| is_plain_comment(mark, next);
        let reason_lines = text.lines().skip(line).take_while(is_reason).count();
        let through = line + reason_lines + 1;
        found.push(Exception { path, line, through, rule, reason, is_used: false });
    }
    found
}

/// Rule and reason of the exception that is all there is on a line.
fn parse<'a>(mark: &str, line: &'a str) -> Option<(&'a str, &'a str)> {
    let comment = line.trim().strip_prefix(mark)?;
    let (rule, rest) = comment.trim_start().strip_prefix(OPENING)?.split_once(')')?;
    let reason = rest.trim_start_matches(':').trim().trim_end_matches("-->").trim();
    Some((rule, reason))
}

/// How a comment begins in a file.
fn comment_mark(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("rs") => "//",
        Some("sql") => "--",
        Some("md") => "<!--",
        _ => "#",
    }
}

/// Whether a line is all comment and not documentation.
fn is_plain_comment(mark: &str, line: &str) -> bool {
    let rest = line.trim().strip_prefix(mark);
    rest.is_some_and(|rest| !rest.starts_with(['/', '!']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str, line: usize) -> Vec<String> {
        let tree = Tree::of(&[("a.rs", text)]);
        let finding = Finding::new("a.rs", line, "found");
        let left = without_excepted(&tree, vec![("sql", finding)]);
        left.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn an_exception_with_a_reason_covers_the_line_after_it() {
        assert!(left("// tidy: expect(sql): no other way\nconst A: u8 = 1;", 2).is_empty());
        assert!(left("// tidy: expect(sql): no\n// other way\nconst A: u8 = 1;", 3).is_empty());
    }

    #[test]
    fn an_exception_covers_no_other_line_and_no_other_rule() {
        assert_eq!(left("// tidy: expect(sql): no other way\n\n\na", 4).len(), 2);
        assert_eq!(left("// tidy: expect(length): no other way\na", 2).len(), 2);
    }

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        let left = left("// tidy: expect(sql)\na", 2);
        assert_eq!(left, ["exception: say why `sql` must not hold here"]);
    }

    #[test]
    fn an_exception_for_nothing_is_refused() {
        let tree = Tree::of(&[("a.sql", "-- tidy: expect(sql): once needed\nSELECT 1")]);
        let left = without_excepted(&tree, Vec::new());
        assert_eq!(
            left,
            [Finding::new("a.sql", 1, "exception: nothing here is against `sql`; remove it")]
        );
    }

    #[test]
    fn an_exception_is_a_comment_in_any_kind_of_file() {
        for (path, line) in [
            ("a.rs", "  // tidy: expect(sql): why"),
            (".ci/run", "# tidy: expect(sql): why"),
            ("a.sql", "-- tidy: expect(sql): why"),
            ("a.md", "<!-- tidy: expect(sql): why -->"),
        ] {
            assert_eq!(parse(comment_mark(path), line), Some(("sql", "why")), "{line}");
        }
        assert_eq!(parse("//", "let a = 1; // tidy: expect(sql): why"), None);
    }
}
