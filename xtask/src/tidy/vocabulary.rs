//! One term per concept, in identifiers and in what is written about them.
//!
//! Two words for one thing make a reader look for the difference. The words come from
//! `GLOSSARY.md`; a name somebody else chose (a status of HTTP, an option of a database) is listed
//! there as such.

use super::Finding;
use super::glossary::{Forbidden, Glossary, split_identifier, without_not_column};
use super::rust::{Kind, RustFile, Token};
use super::tree::Tree;

const GLOSSARY: &str = "GLOSSARY.md";

/// What comes before the name of a type that is being declared.
const DECLARES_TYPE: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// Where other event stores are used, in the words they have.
const PEERS: &str = "bench/peers/src/peer/";

/// Finds words of the glossary's column `Not` in identifiers, documentation and documents.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let glossary = Glossary::parse(tree.text(GLOSSARY).unwrap_or_default());
    if glossary.forbidden.is_empty() {
        return vec![Finding::new(GLOSSARY, 1, "no table says which words are not to be used")];
    }
    let ours = tree.rust().iter().filter(|file| !file.path.starts_with(PEERS));
    let mut findings: Vec<Finding> = ours.flat_map(|file| in_code(&glossary, file)).collect();
    for (path, text) in tree.texts(".md") {
        let own = (path == GLOSSARY).then(|| without_not_column(text));
        let words = words(own.as_deref().unwrap_or(text), 1);
        findings.extend(in_words(&glossary, path, &words));
    }
    findings
}

fn in_code(glossary: &Glossary, file: &RustFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut docs: Vec<Word> = Vec::new();
    let mut previous: Option<&Token> = None;
    for token in &file.tokens {
        match &token.kind {
            Kind::Doc(text) => docs.extend(words(text, token.line)),
            Kind::Name(name) => {
                let declares = previous.is_some_and(declares_type);
                let found = in_identifier(glossary, name, declares);
                findings.extend(found.map(|forbidden| finding(&file.path, token.line, forbidden)));
            }
            _ => {}
        }
        if !matches!(token.kind, Kind::Doc(_)) {
            findings.extend(in_words(glossary, &file.path, &std::mem::take(&mut docs)));
        }
        previous = Some(token);
    }
    findings.extend(in_words(glossary, &file.path, &docs));
    findings
}

fn declares_type(token: &Token) -> bool {
    DECLARES_TYPE.iter().any(|keyword| token.is_name(keyword))
}

fn in_identifier<'a>(
    glossary: &'a Glossary,
    identifier: &str,
    is_type_declared: bool,
) -> Option<&'a Forbidden> {
    let parts = split_identifier(identifier);
    let words: Vec<Word> =
        parts.into_iter().map(|text| Word { text, line: 0, continues: true }).collect();
    (0..words.len()).find_map(|start| starting_at(glossary, &words, start, is_type_declared))
}

fn in_words(glossary: &Glossary, path: &str, words: &[Word]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (start, word) in words.iter().enumerate() {
        let found = starting_at(glossary, words, start, false);
        findings.extend(found.map(|forbidden| finding(path, word.line, forbidden)));
    }
    findings
}

fn finding(path: &str, line: usize, forbidden: &Forbidden) -> Finding {
    let message = format!("`{}` is called {}", forbidden.words.join(" "), forbidden.instead);
    Finding::new(path, line, message)
}

/// The forbidden words that begin at `start`, unless they belong to a name of others.
fn starting_at<'a>(
    glossary: &'a Glossary,
    words: &[Word],
    start: usize,
    is_type_declared: bool,
) -> Option<&'a Forbidden> {
    let forbidden = glossary
        .forbidden
        .iter()
        .filter(|forbidden| is_type_declared || !forbidden.is_for_types)
        .find(|forbidden| stands_at(&forbidden.words, words, start))?;
    let is_of_others = glossary.names_of_others.iter().any(|name| {
        let first = (start + forbidden.words.len()).saturating_sub(name.len());
        (first..=start).any(|at| stands_at(name, words, at))
    });
    (!is_of_others).then_some(forbidden)
}

/// Whether the words of a phrase, the last one in any form, stand in a row from `start`.
fn stands_at(phrase: &[String], words: &[Word], start: usize) -> bool {
    let Some((last, first)) = phrase.split_last() else { return false };
    let Some(row) = words.get(start..start + phrase.len()) else { return false };
    let Some((end, beginning)) = row.split_last() else { return false };
    row.iter().skip(1).all(|word| word.continues)
        && beginning.iter().zip(first).all(|(word, part)| word.text == *part)
        && is_form(&end.text, last)
}

/// Whether `word` is `base` or one of its regular forms, such as `queries` of `query`.
fn is_form(word: &str, base: &str) -> bool {
    let without_e = base.strip_suffix('e').unwrap_or(base);
    let plural = match base.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{base}s"),
    };
    let forms = [plural, format!("{base}es"), format!("{without_e}ed"), format!("{without_e}ing")];
    word == base || forms.iter().any(|form| word == form)
}

/// A word of running text, in lower case.
#[derive(Debug)]
struct Word {
    text: String,
    line: usize,
    /// Whether only space, or what joins words, stands between it and the word before.
    continues: bool,
}

/// The words of a text that begins at `first_line`, addresses in the web left out.
fn words(text: &str, first_line: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut continues = true;
    for (index, line) in text.lines().enumerate() {
        continues &= !line.trim().is_empty();
        for piece in line.split_inclusive(char::is_whitespace) {
            if piece.contains("://") {
                continues = false;
                continue;
            }
            for part in piece.split_inclusive(|c: char| !c.is_alphanumeric()) {
                let name = part.trim_end_matches(|c: char| !c.is_alphanumeric());
                for text in split_identifier(name) {
                    words.push(Word { text, line: first_line + index, continues });
                    continues = true;
                }
                let gap = part.get(name.len()..).unwrap_or_default();
                continues &= gap.chars().all(|c| c.is_whitespace() || "-_`*".contains(c));
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
| Concept | Term | Not |
|---|---|---|
| a | **event** | `persisted event`, record |
| b | **aggregate** | `entity` |
| c | **replay** | `rehydrate` |
| d | **store** | `Repository` |

| Name of others | Whose |
|---|---|
| `unprocessable entity` | HTTP |
";

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let tree = Tree::of(&[(GLOSSARY, TEXT), (path, text)]);
        check(&tree).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn forbidden_words_are_found_in_identifiers_of_any_convention() {
        for code in [
            "struct PersistedEvent;",
            "const PERSISTED_EVENTS: u8 = 1;",
            "fn rehydrated() {}",
            "fn a(entity_id: u8) {}",
            "struct AccountRepository;",
        ] {
            assert_eq!(lines("crates/x/src/a.rs", code), [1], "{code}");
        }
    }

    #[test]
    fn forbidden_words_are_found_in_documentation_across_lines() {
        assert_eq!(lines("a.rs", "/// A persisted\n/// event.\nstruct A;"), [1]);
        assert_eq!(lines("a.md", "Here\nentities are rehydrated."), [2, 2]);
        assert_eq!(lines("a.md", "See `PersistedEvent`."), [1]);
    }

    #[test]
    fn words_that_only_look_like_it_are_free() {
        for text in [
            "Identity. It is persisted. Event by event.",
            "A record.",
            "https://example.org/entity/x",
            "The repository is cloned.",
        ] {
            assert!(lines("a.md", text).is_empty(), "{text}");
        }
        assert!(lines("a.rs", "use a::Repository;").is_empty());
    }

    #[test]
    fn names_of_others_are_theirs() {
        let code = "fn a() { StatusCode::UNPROCESSABLE_ENTITY; }";
        assert!(lines("a.rs", code).is_empty());
        assert_eq!(lines("a.rs", "fn a() { PROCESSABLE_ENTITY; }"), [1]);
        assert!(lines("a.md", "It answers 422 Unprocessable Entity.").is_empty());
    }

    #[test]
    fn a_glossary_that_forbids_nothing_is_a_mistake() {
        let tree = Tree::of(&[(GLOSSARY, "# Glossary")]);
        assert_eq!(check(&tree).len(), 1);
    }
}
