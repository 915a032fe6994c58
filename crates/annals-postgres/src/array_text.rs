//! Arrays within arrays.

/// A one-dimensional array of texts in the form PostgreSQL reads them from text.
///
/// PostgreSQL's arrays are rectangular, so lists of different lengths cannot travel as an array of
/// arrays; each travels as text and is cast by the statement.
pub(crate) fn array_text<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut array = String::from("{");
    for text in texts {
        if array.len() > 1 {
            array.push(',');
        }
        array.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                array.push('\\');
            }
            array.push(character);
        }
        array.push('"');
    }
    array.push('}');
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrays_give_a_meaning_is_escaped() {
        assert_eq!(array_text([]), "{}");
        assert_eq!(array_text(["a:1", "NULL", " b "]), r#"{"a:1","NULL"," b "}"#);
        assert_eq!(array_text([r#"a"b\c"#, "{d,e}"]), r#"{"a\"b\\c","{d,e}"}"#);
    }
}
