//! As much of Markdown as the rules need.

/// What stands in backticks on a line.
pub(super) fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The cells of a row of a table; `None` for other lines.
pub(super) fn table_row(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_are_told_from_the_text_around_them() {
        assert_eq!(code_spans("a `b` c `d e`").collect::<Vec<_>>(), ["b", "d e"]);
        assert_eq!(code_spans("none").count(), 0);
    }

    #[test]
    fn only_what_has_a_bar_on_both_sides_is_a_row() {
        assert_eq!(table_row("| a | b |"), Some(vec!["a", "b"]));
        assert_eq!(table_row("a | b"), None);
    }
}
