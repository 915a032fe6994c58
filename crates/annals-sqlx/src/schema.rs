//! The schema in which the tables of a generation are.

use annals_core::limits::PROJECTION_NAME_BYTES_MAX;
use annals_core::{GenerationKey, ReadModelsError};

/// The schema in which the tables of a generation are: `{projection}_{number}`.
///
/// It stands in statements where no value can be bound, so there is no way to make one but from a
/// name that has been checked: letters, digits and underscores need no escaping. As the number
/// follows the last underscore, no two generations share a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema(String);

impl Schema {
    /// The schema of a generation.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Refused`] if the name of the projection is not one.
    pub(crate) fn of(generation: &GenerationKey) -> Result<Self, ReadModelsError> {
        check_name(&generation.projection)?;
        Ok(Self(format!("{}_{}", generation.projection, generation.number)))
    }

    /// The name, as a value.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, as an identifier.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }

    /// Has plain names mean the tables of this schema, until the end of the transaction.
    ///
    /// Nothing else is looked through: a table that is missing is missing, and not found elsewhere.
    pub(crate) fn use_it(&self) -> String {
        format!("SET LOCAL search_path TO {}", self.quoted())
    }
}

/// Refuses what is no name of a projection.
fn check_name(name: &str) -> Result<(), ReadModelsError> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let goes_on =
        bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if begins && goes_on && name.len() <= PROJECTION_NAME_BYTES_MAX {
        return Ok(());
    }
    let reason = format!(
        "{name:?} is no name of a projection: at most {PROJECTION_NAME_BYTES_MAX} bytes of a to z, \
         0 to 9 and _, beginning with a letter"
    );
    Err(ReadModelsError::Refused { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(projection: &str, number: u32) -> Result<Schema, ReadModelsError> {
        Schema::of(&GenerationKey { projection: projection.to_owned(), number })
    }

    #[test]
    fn a_name_that_could_end_the_identifier_is_refused() {
        for name in ["", "1a", "_a", "A", "a b", "a\"b", "a;--", "a.b", "\u{e4}", &"a".repeat(49)] {
            assert!(schema(name, 1).is_err(), "{name}");
        }
    }

    #[test]
    fn no_two_generations_share_a_schema_and_every_name_fits() {
        assert_ne!(schema("a", 11).unwrap(), schema("a_1", 1).unwrap());
        assert_eq!(schema("a_1", 1).unwrap().quoted(), "\"a_1_1\"");
        assert!(schema(&"a".repeat(48), u32::MAX).unwrap().as_str().len() <= 63);
    }
}
