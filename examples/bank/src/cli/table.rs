//! Text in columns.

use std::fmt;

/// Rows under a heading, each column as wide as its widest text.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
    right: [bool; COLUMNS],
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(heading: [&str; COLUMNS]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)], right: [false; COLUMNS] }
    }

    /// Numbers stand below each other.
    pub(super) fn align_right(&mut self, column: usize) {
        if let Some(is_right) = self.right.get_mut(column) {
            *is_right = true;
        }
    }

    pub(super) fn row(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = text.chars().count().max(*width);
            }
        }
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(widths).zip(self.right);
            let cells = cells.map(|((text, width), is_right)| match is_right {
                true => format!("{text:>width$}"),
                false => format!("{text:<width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            let separator = if number == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let mut table = Table::new(["name", "sum"]);
        table.align_right(1);
        table.row(["a".to_owned(), "12345".to_owned()]);
        table.row(["longer".to_owned(), "1".to_owned()]);
        assert_eq!(table.to_string(), "name      sum\na       12345\nlonger      1");
    }
}
