//! A file of transactions, read line by line in bounded memory.

use std::io::{self, BufRead, Read};

use thiserror::Error;

use crate::import::row::{HEADER, Row, RowError, RowParser};

/// Longest line, in bytes. The lines of the format have about 80.
pub(super) const LINE_BYTES_MAX: usize = 4 * 1024;

/// A file cannot be imported. Nothing after the place of the error was read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be opened or read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// Its first line is another one, so it is a file of another kind.
    #[error("the file does not begin with the line {HEADER}")]
    Header,
}

/// One line after the header that is not empty.
#[derive(Debug)]
pub(super) struct Line {
    /// Counted from 1, the header included.
    pub(super) number: u64,
    pub(super) row: Result<Row, RowError>,
}

/// A file of transactions whose header has been checked.
#[derive(Debug)]
pub struct TransactionFile<R> {
    input: R,
    parser: RowParser,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
}

/// Whether a line fits.
enum Length {
    Fits,
    TooLong,
}

impl<R: BufRead> TransactionFile<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`FileError::Header`] if the first line is another one.
    pub fn new(input: R) -> Result<Self, FileError> {
        let (parser, line) = (RowParser::new(), Vec::with_capacity(LINE_BYTES_MAX));
        let mut file = Self { input, parser, line, number: 0, bytes: 0 };
        let length = file.read_line()?;
        let is_header = matches!(length, Some(Length::Fits)) && file.parser.is_header(&file.line);
        if is_header { Ok(file) } else { Err(FileError::Header) }
    }

    /// The next line, skipping empty ones; `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, FileError> {
        while let Some(length) = self.read_line()? {
            let row = match length {
                Length::TooLong => Err(RowError::LineTooLong),
                Length::Fits if self.line == b"\n" => continue,
                Length::Fits => self.parser.parse(&self.line),
            };
            return Ok(Some(Line { number: self.number, row }));
        }
        Ok(None)
    }

    /// How much of the file has been read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next line so that it ends with a line feed and nothing else of its kind.
    fn read_line(&mut self) -> Result<Option<Length>, FileError> {
        self.line.clear();
        let bound = LINE_BYTES_MAX as u64;
        let read = self.input.by_ref().take(bound).read_until(b'\n', &mut self.line);
        let read = read.map_err(FileError::Read)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += read as u64;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read == LINE_BYTES_MAX {
            self.bytes += self.input.skip_until(b'\n').map_err(FileError::Read)? as u64;
            return Ok(Some(Length::TooLong));
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        self.line.push(b'\n');
        Ok(Some(Length::Fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "1;2;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\";;";

    fn lines(text: impl AsRef<[u8]>) -> Vec<(u64, bool)> {
        let mut file = TransactionFile::new(text.as_ref()).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = file.next_line().unwrap() {
            lines.push((line.number, line.row.is_ok()));
        }
        assert_eq!(file.bytes(), text.as_ref().len() as u64);
        lines
    }

    #[test]
    fn lines_are_numbered_as_an_editor_shows_them() {
        for end in ["\n", "\r\n"] {
            let text = [HEADER, ROW, "", "x", ROW].join(end);
            assert_eq!(lines(&text), [(2, true), (4, false), (5, true)]);
            assert_eq!(lines(text + end), [(2, true), (4, false), (5, true)]);
        }
    }

    #[test]
    fn a_broken_line_costs_no_other_line() {
        let quote = "1;2;930101;\"PRIJEM;\"VKLAD\";700.00;700.00;\"\";;";
        let open = "1;2;930101;\"PRIJEM\";\"VKLAD;700.00;700.00;;;";
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        let text = [HEADER, quote, ROW, open, ROW, &long, ROW].join("\n");
        let expected = [(2, false), (3, true), (4, false), (5, true), (6, false), (7, true)];
        assert_eq!(lines(text), expected);
    }

    #[test]
    fn a_line_of_just_the_longest_length_is_read_and_a_longer_one_is_not() {
        let padded = |bytes: usize| format!("{ROW}{}", "0".repeat(bytes - ROW.len()));
        let fits = padded(LINE_BYTES_MAX - 1);
        let long = padded(LINE_BYTES_MAX + 1);
        assert_eq!(lines(format!("{HEADER}\n{fits}\n{ROW}")), [(2, true), (3, true)]);
        assert_eq!(lines(format!("{HEADER}\n{long}\n{ROW}")), [(2, false), (3, true)]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_spoil_only_the_fields_that_are_read() {
        let mut text = format!("{HEADER}\n").into_bytes();
        text.extend(b"1;2;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\xb3\";;\n");
        text.extend(b"1;\xff;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\";;\n");
        assert_eq!(lines(text), [(2, true), (3, false)]);
    }

    #[test]
    fn the_header_may_be_quoted_and_may_follow_a_byte_order_mark() {
        let quoted = format!("\u{feff}\"{}\"\r\n{ROW}\r\n", HEADER.replace(';', "\";\""));
        assert_eq!(lines(quoted), [(2, true)]);
    }

    #[test]
    fn files_of_another_kind_are_refused_as_a_whole() {
        for text in ["", "\n", ROW, "a;b\n", "%PDF-1.7\n\0\0", &"x".repeat(3 * LINE_BYTES_MAX)] {
            let error = TransactionFile::new(text.as_bytes()).unwrap_err();
            assert!(matches!(error, FileError::Header), "{text:?}");
        }
    }
}
