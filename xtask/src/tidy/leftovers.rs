//! What belongs on a desk and not into the tree.

use super::Finding;
use super::rust::{Kind, RustFile, Token};
use super::tree::{Tree, numbered};

/// Macros that mark unfinished code.
const MACROS: [&str; 3] = ["dbg", "todo", "unimplemented"];

/// Notes to self, put together so that this file is not one.
const NOTES: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("TB", "D")];

/// Finds unfinished code, tests that do not run and notes to self.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree.rust().iter().flat_map(in_code).collect();
    for end in [".rs", ".md", ".sql", ".toml"] {
        findings.extend(tree.texts(end).flat_map(|(path, text)| in_text(path, text)));
    }
    findings
}

fn in_code(file: &RustFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for window in file.tokens.windows(3) {
        let [first, second, third] = window else { continue };
        if let Some(problem) = code_problem(first, second, third) {
            findings.push(Finding::new(&file.path, first.line, problem));
        }
    }
    for token in &file.tokens {
        if let Kind::Doc(text) = &token.kind
            && is_unchecked_example(text)
        {
            let message = "an example in the documentation compiles; `ignore` is not used";
            findings.push(Finding::new(&file.path, token.line, message));
        }
    }
    findings
}

fn code_problem(first: &Token, second: &Token, third: &Token) -> Option<String> {
    if first.is_mark('#') && second.is_mark('[') && third.is_name("ignore") {
        return Some("a test that is ignored proves nothing; mend it or remove it".to_owned());
    }
    let is_macro = second.is_mark('!') && !third.is_mark('=');
    let name = MACROS.iter().find(|name| first.is_name(name)).filter(|_| is_macro)?;
    Some(format!("`{name}!` does not belong into the tree"))
}

/// Whether a line opens a block of code that rustdoc is told to leave alone.
fn is_unchecked_example(documentation: &str) -> bool {
    documentation.lines().any(|line| {
        let fence = line.trim_start().strip_prefix("```");
        fence.is_some_and(|labels| labels.split(',').any(|label| label.trim() == "ignore"))
    })
}

fn in_text(path: &str, text: &str) -> Vec<Finding> {
    let noted = numbered(text).filter_map(|(line, content)| {
        let note = NOTES.iter().find(|note| content.contains(**note))?;
        Some(Finding::new(path, line, format!("`{note}` is a note to self; do it or say it whole")))
    });
    noted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("crates/x/src/a.rs", text)])).len()
    }

    #[test]
    fn unfinished_code_is_refused_in_tests_too() {
        assert_eq!(count("fn a() { todo!() }"), 1);
        assert_eq!(count("#[test]\nfn a() { dbg!(1); }"), 1);
        assert_eq!(count("fn a() { unimplemented!(\"b\") }"), 1);
        assert_eq!(count("fn todo() -> bool { todo != 1 }"), 0);
    }

    #[test]
    fn a_test_that_does_not_run_is_refused() {
        assert_eq!(count("#[test]\n#[ignore]\nfn a() {}"), 1);
        assert_eq!(count("#[test]\n#[ignore = \"slow\"]\nfn a() {}"), 1);
    }

    #[test]
    fn an_example_that_does_not_compile_is_refused() {
        assert_eq!(count("/// ```ignore\n/// a\n/// ```\nfn a() {}"), 1);
        assert_eq!(count("/// ```rust,ignore\n/// a\n/// ```\nfn a() {}"), 1);
        assert_eq!(count("/// ```no_run\n/// a\n/// ```\nfn a() {}"), 0);
    }

    #[test]
    fn a_note_to_self_is_refused_in_every_text() {
        for note in NOTES {
            let text = format!("-- {note} later");
            assert_eq!(check(&Tree::of(&[("a.sql", &text)])).len(), 1, "{note}");
        }
    }
}
