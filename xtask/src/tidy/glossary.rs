//! The vocabulary as `GLOSSARY.md` lays it down: the one place where it stands.
//!
//! In the column `Not` of its tables, a word in backticks is one that a machine can check; the
//! others are ordinary English, or names in the standard library, and are left to the reader. In a
//! table that begins with `Name of others`, the first column holds names we do not choose.

use super::markdown::{code_spans, table_row};

/// What the glossary forbids, and what it excepts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Glossary {
    pub(super) forbidden: Vec<Forbidden>,
    /// Names of others, in words of lower case, that may contain a forbidden word.
    pub(super) names_of_others: Vec<Vec<String>>,
}

/// A word, or several in a row, that stands for a concept with another name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forbidden {
    /// In lower case.
    pub(super) words: Vec<String>,
    /// Written with a capital: forbidden in the names of our own types only.
    pub(super) is_for_types: bool,
    /// What to say instead, as the glossary writes it.
    pub(super) instead: String,
}

impl Glossary {
    /// Reads the tables of the glossary.
    pub(super) fn parse(text: &str) -> Self {
        let mut glossary = Self::default();
        let mut header: Vec<&str> = Vec::new();
        for line in text.lines() {
            let Some(row) = table_row(line) else {
                header.clear();
                continue;
            };
            if header.is_empty() {
                header = row;
            } else if header.first() == Some(&"Name of others") {
                let names = row.first().into_iter().flat_map(|cell| code_spans(cell));
                glossary.names_of_others.extend(names.map(split_identifier));
            } else if header.last() == Some(&"Not") {
                glossary.add_row(&row);
            }
        }
        glossary
    }

    fn add_row(&mut self, row: &[&str]) {
        let [.., term, not] = row else { return };
        for span in code_spans(not) {
            self.forbidden.push(Forbidden {
                words: split_identifier(span),
                is_for_types: span.starts_with(|c: char| c.is_uppercase()),
                instead: (*term).to_owned(),
            });
        }
    }
}

/// The glossary's text with the column `Not` blanked, lines kept: what it says itself.
pub(super) fn without_not_column(text: &str) -> String {
    let mut is_not_table = false;
    let lines = text.lines().map(|line| {
        let row = table_row(line);
        is_not_table = match &row {
            None => false,
            Some(row) => is_not_table || row.last() == Some(&"Not"),
        };
        match line.trim_end().trim_end_matches('|').rsplit_once('|') {
            Some((rest, _)) if is_not_table => rest,
            _ => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of an identifier in any case convention, or of a phrase, in lower case.
pub(super) fn split_identifier(identifier: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_new = true;
    let mut characters = identifier.chars().peekable();
    let mut previous_is_upper = false;
    while let Some(character) = characters.next() {
        if !character.is_alphabetic() {
            is_new = true;
            continue;
        }
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        // A capital begins a word, unless it continues an acronym.
        let begins = character.is_uppercase() && (!previous_is_upper || next_is_lower);
        if is_new || begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
        (is_new, previous_is_upper) = (false, character.is_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Glossary

| Concept | Term (type) | Not |
|---|---|---|
| Saved state | **snapshot** | `memento`, picture |
| Storage | **store** | `Repository`, backend |

Prose with `code`.

| Name of others | Whose it is |
|---|---|
| `unprocessable entity` | HTTP status 422 |
";

    #[test]
    fn words_in_backticks_are_checked_and_others_are_not() {
        let glossary = Glossary::parse(TEXT);
        let forbidden: Vec<(String, bool, &str)> = glossary
            .forbidden
            .iter()
            .map(|forbidden| {
                (forbidden.words.join(" "), forbidden.is_for_types, forbidden.instead.as_str())
            })
            .collect();
        assert_eq!(
            forbidden,
            [
                ("memento".to_owned(), false, "**snapshot**"),
                ("repository".to_owned(), true, "**store**")
            ]
        );
        assert_eq!(glossary.names_of_others, [["unprocessable", "entity"]]);
    }

    #[test]
    fn the_column_of_forbidden_words_does_not_break_its_own_rule() {
        let text = without_not_column(TEXT);
        assert!(!text.contains("memento"), "{text}");
        assert!(text.contains("Saved state | **snapshot**"), "{text}");
        assert!(text.contains("HTTP status 422"), "{text}");
        assert_eq!(text.lines().count(), TEXT.lines().count());
    }

    #[test]
    fn identifiers_fall_into_words_in_every_convention() {
        for identifier in
            ["PersistedEvent", "persisted_event", "PERSISTED_EVENT", "persisted event"]
        {
            assert_eq!(split_identifier(identifier), ["persisted", "event"], "{identifier}");
        }
        assert_eq!(split_identifier("HTTPServer2"), ["http", "server"]);
    }
}
