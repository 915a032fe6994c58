//! The rules of the tree that a machine can check.
//!
//! Each rule is a function from the texts of the tree to what breaks it, in a file of its own that
//! says why the rule exists. One place that must differ says so in a comment of its own, with a
//! reason (see [`exception`]).

mod adr;
mod crate_docs;
mod documents;
mod environment;
mod errors;
mod exception;
mod glossary;
mod graph;
mod layout;
mod leftovers;
mod length;
mod links;
mod machine;
mod manifest;
mod markdown;
mod rust;
mod sleep;
mod sql;
mod tree;
mod vocabulary;

use std::path::Path;

use anyhow::bail;

use self::tree::Tree;

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// Counted from 1; 1 also for what concerns the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// A rule and its name, as exceptions call it.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("adr", adr::check),
    ("crate-docs", crate_docs::check),
    ("documents", documents::check),
    ("environment", environment::check),
    ("errors", errors::check),
    ("layout", layout::check),
    ("leftovers", leftovers::check),
    ("length", length::check),
    ("links", links::check),
    ("machine", machine::check),
    ("manifest", manifest::check),
    ("sleep", sleep::check),
    ("sql", sql::check),
    ("vocabulary", vocabulary::check),
];

/// Checks every rule and prints what breaks them.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let tree = Tree::read(root)?;
    let mut findings = exception::without_excepted(&tree, check_all(&tree));
    findings.extend(graph::check(&graph::Metadata::of_workspace(root)?));
    findings.sort();
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    if !findings.is_empty() {
        bail!(
            "{} against the rules of the tree; where a rule must not hold, the line before says \
             `tidy: expect(RULE): REASON` in a comment",
            findings.len()
        );
    }
    println!("{} files keep {} rules", tree.paths().count(), RULES.len() + 1);
    Ok(())
}

fn check_all(tree: &Tree) -> Vec<(&'static str, Finding)> {
    RULES
        .iter()
        .flat_map(|(name, check)| check(tree).into_iter().map(|finding| (*name, finding)))
        .collect()
}
