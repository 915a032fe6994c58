//! Why a JSON text is not what it is read as, without what stands in it.

use serde_json::error::Category;
use thiserror::Error;

/// A JSON text has another form than the type it is read as.
///
/// It says what was expected and where, and nothing of what stands there: errors are logged and
/// exported, and payloads must not be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FormError(String);

/// What our own types begin with to say what is wrong inside, of which they quote nothing.
pub(crate) const INSIDE: &str = "inside it, ";

/// What begins errors that quote nothing: those of `serde` name a field as the type does.
const QUOTING_NOTHING: [&str; 3] = ["missing field `", "duplicate field `", INSIDE];

/// What `serde` says before it quotes the text; what it expected comes last.
const QUOTING: [&str; 5] = [
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown variant `",
    "unknown field `",
];

const EXPECTED: &str = ", expected ";

impl From<serde_json::Error> for FormError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let begins_with = |beginnings: &[&str]| beginnings.iter().any(|it| text.starts_with(it));
        // What is no JSON at all is told of by its place alone.
        if error.classify() != Category::Data || begins_with(&QUOTING_NOTHING) {
            return Self(text);
        }
        let expected = text.rsplit_once(EXPECTED).filter(|_| begins_with(&QUOTING));
        Self(match expected {
            Some((_, expected)) => format!("expected {expected}"),
            None if error.line() > 0 => {
                format!("not accepted at line {} column {}", error.line(), error.column())
            }
            None => "not accepted".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::{DeserializeOwned, Deserializer, Error as _};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Owner {
        name: String,
        age: u8,
        kind: Option<Kind>,
        #[serde(default, deserialize_with = "refuse")]
        refused: (),
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        Person,
        Company,
    }

    fn refuse<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        let text = String::deserialize(deserializer)?;
        Err(D::Error::custom(format!("{text}, expected {text}")))
    }

    fn error<T: DeserializeOwned>(text: &str) -> String {
        let error = serde_json::from_str::<T>(text).err().unwrap();
        FormError::from(error).to_string()
    }

    #[test]
    fn what_was_expected_is_told_and_where() {
        for (text, said) in [
            (r#"{"name":7,"age":1}"#, "expected a string at line 1 column 9"),
            (r#"{"name":"Zaphod"}"#, "missing field `age` at line 1 column 17"),
            (r#"{"name":"a","age":300}"#, "expected u8 at line 1 column 21"),
            (r#"{"name":"a","age":1"#, "EOF while parsing an object at line 1 column 19"),
            (
                r#"{"name":"a","age":1,"kind":"Zaphod"}"#,
                "expected `Person` or `Company` at line 1 column 35",
            ),
        ] {
            assert_eq!(error::<Owner>(text), said, "{text}");
        }
        let value = serde_json::from_value::<Owner>(serde_json::json!("Zaphod"));
        assert_eq!(FormError::from(value.err().unwrap()).to_string(), "expected struct Owner");
    }

    #[test]
    fn nothing_of_the_text_is_told() {
        for text in [
            r#""Zaphod, expected Zaphod""#,
            r#"{"name":"a","age":"Zaphod"}"#,
            r#"{"name":"a","age":1,"Zaphod":1}"#,
            r#"{"name":"a","age":1,"kind":"Zaphod"}"#,
            r#"{"name":"a","age":1,"refused":"Zaphod"}"#,
            r#"{"name":"Zaphod"#,
            "Zaphod",
        ] {
            let said = error::<Owner>(text);
            assert!(!said.contains("Zaphod"), "{text}: {said}");
        }
    }
}
