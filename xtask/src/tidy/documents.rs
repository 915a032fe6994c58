//! The texts every reader may count on.

use super::Finding;
use super::tree::{Tree, package};

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Each document and what it cannot do without.
const DOCUMENTS: &[(&str, &[&str])] = &[
    ("README.md", &["cargo xtask test", "cargo run", "ARCHITECTURE.md"]),
    (ARCHITECTURE, &[]),
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

/// Finds documents that are missing or hardly begun, and crates that the architecture passes over.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let documents = DOCUMENTS.iter().flat_map(|(path, parts)| {
        let problems = problems(tree.text(path), parts);
        problems.into_iter().map(|problem| Finding::new(path, 1, problem))
    });
    documents.chain(undescribed_crates(tree)).collect()
}

fn undescribed_crates(tree: &Tree) -> Vec<Finding> {
    let architecture = tree.text(ARCHITECTURE).unwrap_or_default();
    let crates = tree.paths().filter_map(|path| path.strip_suffix("/Cargo.toml")).map(package);
    let is_named = |name: &str| {
        // By itself or with its folder.
        ["`", "/"].iter().any(|before| architecture.contains(&format!("{before}{name}`")))
    };
    crates
        .filter(|name| !is_named(name))
        .map(|name| Finding::new(ARCHITECTURE, 1, format!("`{name}` is not described")))
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
    fn the_architecture_describes_every_crate() {
        let text = "The crate `x`. ".repeat(50);
        let of = |text: &str| {
            let tree = Tree::of(&[("crates/x/Cargo.toml", ""), (ARCHITECTURE, text)]);
            undescribed_crates(&tree).len()
        };
        assert_eq!(of(&text), 0);
        assert_eq!(of(&text.replace("`x`", "`crates/x`")), 0);
        assert_eq!(of(&text.replace("`x`", "`y`")), 1);
    }

    #[test]
    fn a_document_must_have_content_and_its_parts() {
        let text = "cargo xtask test ".repeat(50);
        assert!(problems(Some(&text), &["cargo xtask test"]).is_empty());
        assert_eq!(problems(Some(&text), &["cargo run"]), ["`cargo run` does not occur"]);
        assert_eq!(problems(Some("# Title"), &[]), ["7 bytes are hardly a document"]);
    }
}
