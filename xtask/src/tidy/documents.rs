//! The texts every reader may count on.

use super::Finding;
use super::tree::Tree;

/// Each document and what it cannot do without.
const DOCUMENTS: &[(&str, &[&str])] = &[
    ("README.md", &["cargo xtask test", "cargo run", "ARCHITECTURE.md"]),
    ("ARCHITECTURE.md", &["annals-core", "annals-runtime"]),
    ("GLOSSARY.md", &["| Not |"]),
    ("STYLE.md", &["## "]),
    ("CONTRIBUTING.md", &["cargo xtask test"]),
    ("CHANGELOG.md", &["## [Unreleased]"]),
    ("SECURITY.md", &["## Reporting"]),
    ("LICENSE-MIT", &["Permission is hereby granted, free of charge", "Annals contributors"]),
    ("LICENSE-APACHE", &["Version 2.0, January 2004", "END OF TERMS AND CONDITIONS"]),
    ("deny.toml", &["[licenses]", "[bans]", "[sources]"]),
    (".ci/run", &["cargo xtask test"]),
];

/// Shortest text that can be worth reading.
const BYTES_MIN: usize = 600;

/// Finds documents that are missing or hardly begun.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    DOCUMENTS
        .iter()
        .flat_map(|(path, parts)| {
            let problems = problems(tree.text(path), parts);
            problems.into_iter().map(|problem| Finding::new(path, 1, problem))
        })
        .collect()
}

fn problems(text: Option<&str>, parts: &[&str]) -> Vec<String> {
    let Some(text) = text else { return vec!["the document is missing".to_owned()] };
    let mut problems = Vec::new();
    if text.len() < BYTES_MIN {
        problems.push(format!("{} bytes are hardly a document", text.len()));
    }
    let missing = parts.iter().filter(|part| !text.contains(**part));
    problems.extend(missing.map(|part| format!("`{part}` does not occur")));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_document_is_named() {
        let missing = check(&Tree::of(&[]));
        assert_eq!(missing.len(), DOCUMENTS.len());
        assert_eq!(missing.first().unwrap().path, "README.md");
    }

    #[test]
    fn a_document_must_have_content_and_its_parts() {
        let text = "cargo xtask test ".repeat(50);
        assert!(problems(Some(&text), &["cargo xtask test"]).is_empty());
        assert_eq!(problems(Some(&text), &["cargo run"]), ["`cargo run` does not occur"]);
        assert_eq!(problems(Some("# Title"), &[]), ["7 bytes are hardly a document"]);
    }
}
