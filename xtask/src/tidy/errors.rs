//! Errors can grow.
//!
//! A caller reacts to an error by its variant, so a new reaction needs a new variant; without
//! `#[non_exhaustive]` each one breaks every caller.

use super::Finding;
use super::rust::{Kind, RustFile, Token};
use super::tree::Tree;

/// Finds public error enums of the libraries without `#[non_exhaustive]`.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    // Nobody outside can match on what a program or an example declares.
    let libraries = tree.rust().iter().filter(|file| file.path.starts_with("crates/"));
    libraries.flat_map(in_file).collect()
}

fn in_file(file: &RustFile) -> Vec<Finding> {
    let tokens: Vec<&Token> = file.product_tokens().collect();
    let mut findings = Vec::new();
    for (index, window) in tokens.windows(3).enumerate() {
        let [public, keyword, name] = window else { continue };
        let Kind::Name(enum_name) = &name.kind else { continue };
        if !(public.is_name("pub") && keyword.is_name("enum")) {
            continue;
        }
        let attributes = attributes_before(tokens.get(..index).unwrap_or_default());
        let is_error = enum_name.ends_with("Error") || has_name(attributes, "Error");
        if is_error && !has_name(attributes, "non_exhaustive") {
            let message = format!("{enum_name} is an error, so it is #[non_exhaustive]");
            findings.push(Finding::new(&file.path, name.line, message));
        }
    }
    findings
}

/// The attributes and documentation that stand directly before an item.
fn attributes_before<'a>(tokens: &'a [&'a Token]) -> &'a [&'a Token] {
    let (mut depth, mut start) = (0_usize, tokens.len());
    for (index, token) in tokens.iter().enumerate().rev() {
        match &token.kind {
            Kind::Mark(']') => depth += 1,
            Kind::Mark('[') => depth = depth.saturating_sub(1),
            Kind::Mark('#') | Kind::Doc(_) if depth == 0 => start = index,
            _ if depth == 0 => break,
            _ => {}
        }
    }
    tokens.get(start..).unwrap_or_default()
}

fn has_name(tokens: &[&Token], name: &str) -> bool {
    tokens.iter().any(|token| token.is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("crates/x/src/a.rs", text)])).len()
    }

    #[test]
    fn an_error_that_cannot_grow_is_refused() {
        assert_eq!(count("/// Why.\npub enum ReadError { A }"), 1);
        assert_eq!(count("#[derive(Debug, Error)]\n/// Why.\npub enum Problem { A }"), 1);
    }

    #[test]
    fn an_error_that_can_grow_is_right() {
        assert_eq!(count("#[derive(Error)]\n#[non_exhaustive]\npub enum ReadError { A }"), 0);
        assert_eq!(count("#[non_exhaustive]\n/// Why.\npub enum ReadError { A }"), 0);
    }

    #[test]
    fn the_attribute_of_another_item_does_not_count() {
        assert_eq!(count("#[non_exhaustive]\npub enum AError { A }\npub enum BError { A }"), 1);
    }

    #[test]
    fn what_is_private_or_no_error_is_free() {
        assert_eq!(
            count("enum ReadError { A }\npub(crate) enum BError { A }\npub enum C { A }"),
            0
        );
    }
}
