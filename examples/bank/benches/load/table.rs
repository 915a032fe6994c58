//! The table that is printed.

use std::fmt;
use std::time::Duration;

pub(crate) const HELLO: &str = "hello, world";
pub(crate) const ACCOUNT: &str = "GET /accounts/{id}";
pub(crate) const SUMMARY: &str = "GET /accounts/{id}/summary";
pub(crate) const DEPOSIT: &str = "POST /accounts/{id}/deposits";
pub(crate) const EXECUTE: &str = "execute, without HTTP";
pub(crate) const PROJECTED: &str = "execute, with read models";

/// Another row, and how much of it is aimed at, in percent, if anything is.
type Compared = (&'static str, Option<u32>);

/// What each row is compared with.
const ROWS: [(&str, &[Compared]); 6] = [
    (HELLO, &[]),
    (ACCOUNT, &[(HELLO, Some(50))]),
    (SUMMARY, &[(HELLO, Some(50))]),
    (EXECUTE, &[]),
    (PROJECTED, &[(EXECUTE, None)]),
    (DEPOSIT, &[(EXECUTE, Some(70)), (PROJECTED, None)]),
];

/// One measurement: calls in a second, and how long half and 99 of 100 of them took at most.
type Figure = (f64, Option<(Duration, Duration)>);

/// Measurements by row.
#[derive(Debug, Default)]
pub(crate) struct Table {
    figures: Vec<(&'static str, Figure)>,
}

impl Table {
    pub(crate) fn add(
        &mut self,
        row: &'static str,
        per_second: f64,
        times: Option<(Duration, Duration)>,
    ) {
        self.figures.push((row, (per_second, times)));
    }

    fn median(&self, row: &str) -> Option<Figure> {
        let of_row = self.figures.iter().filter(|(name, _)| *name == row);
        let mut figures: Vec<_> = of_row.map(|(_, figure)| *figure).collect();
        figures.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        figures.get(figures.len() / 2).copied()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:28} |      rate       p50       p99 | share", "64 connections")?;
        for (row, compared) in ROWS {
            let Some((per_second, times)) = self.median(row) else { continue };
            write!(formatter, "{row:28} | {per_second:>7.0}/s")?;
            match times {
                Some((p50, p99)) => write!(formatter, " {:>9} {:>9} |", time(p50), time(p99))?,
                None => write!(formatter, " {:>19} |", "")?,
            }
            for (number, (other, aim)) in compared.iter().enumerate() {
                let Some((whole, _)) = self.median(other) else { continue };
                let share = 100.0 * per_second / whole;
                let separator = if number > 0 { ";" } else { "" };
                write!(formatter, "{separator} {share:.0}% of {other}")?;
                if let Some(aim) = aim {
                    write!(formatter, " (aim {aim}%)")?;
                }
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

fn time(duration: Duration) -> String {
    match duration.as_micros() {
        micros @ 0..10_000 => format!("{micros} us"),
        _ => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
    }
}
