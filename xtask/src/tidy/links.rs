//! Links and paths in the documents lead somewhere.

use super::Finding;
use super::markdown::code_spans;
use super::tree::{Tree, numbered};

/// Finds relative links, and paths in code spans, that lead nowhere.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".md") {
        let mut is_code = false;
        for (line, content) in numbered(text) {
            if content.trim_start().starts_with("```") {
                is_code = !is_code;
                continue;
            }
            if is_code {
                continue;
            }
            let links = targets(content).into_iter().filter(|target| !leads(tree, path, target));
            let spans = code_spans(content)
                .filter(|span| is_path(tree, span) && !tree.has(span.trim_end_matches('/')));
            let dead = links.chain(spans).map(|dead| format!("`{dead}` leads nowhere"));
            findings.extend(dead.map(|message| Finding::new(path, line, message)));
        }
    }
    findings
}

/// What the links of a line point to, inline and as references.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let reference = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    inline.chain(reference.map(|(_, target)| target)).map(str::trim).collect()
}

/// Whether a link of the document at `path` leads to a file, a folder or a heading of the tree.
fn leads(tree: &Tree, path: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(f, a)| (f, Some(a)));
    let place = if file.is_empty() { Some(path.to_owned()) } else { resolve(path, file) };
    let Some(place) = place else { return false };
    match (anchor, tree.text(&place)) {
        (Some(anchor), Some(text)) if place.ends_with(".md") => has_heading(text, anchor),
        _ => tree.has(&place),
    }
}

/// The path from the root, for a link in the document at `path`; `None` if it leaves the tree.
fn resolve(path: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn has_heading(text: &str, anchor: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim()).any(|title| slug(title) == anchor)
}

/// The anchor that the usual viewers give a heading.
fn slug(title: &str) -> String {
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

/// Whether a code span names a place of the tree: it begins with a folder that is there, and is
/// nothing but a path.
fn is_path(tree: &Tree, span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    let folder = span.split_once('/').map(|(folder, _)| folder);
    span.chars().all(is_plain) && folder.is_some_and(|folder| tree.has(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("README.md", "# Top\n## What it is, and why\n"),
            ("crates/x/src/lib.rs", "//! X."),
            ("docs/a.md", text),
        ]);
        check(&tree).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_right() {
        for text in [
            "[a](../README.md)",
            "[a](../README.md#what-it-is-and-why)",
            "[a](../crates/x)",
            "[a](https://example.org/nothing)",
            "[a]: ../README.md",
            "```\n[a](nowhere.md)\n```",
        ] {
            assert!(dead(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_refused() {
        for text in [
            "[a](README.md)",
            "[a](../README.md#how)",
            "[a](../../beyond.md)",
            "[a]: nowhere.md",
            "[a](../README.md) and [b](nowhere.md)",
        ] {
            assert_eq!(dead(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_path_in_a_code_span_exists() {
        assert!(dead("`crates/x/src/lib.rs`, `crates/x/`, `a/b`, `crates/NAME/x y`").is_empty());
        assert_eq!(dead("`crates/y`"), ["`crates/y` leads nowhere"]);
    }
}
