//! The table that is printed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::clients::Figures;

/// One measurement.
#[derive(Debug)]
pub(crate) enum Figure {
    /// Calls by clients.
    Rate(Figures),
    /// How long one thing takes.
    Time(Duration),
    /// How many events pass in a second.
    Throughput(f64),
}

impl Figure {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn events_per_second(events: u64, time: Duration) -> Self {
        Self::Throughput(events as f64 / time.as_secs_f64())
    }

    /// What the rounds are ordered by to find the median.
    fn key(&self) -> f64 {
        match self {
            Self::Rate(figures) => figures.per_second,
            Self::Time(time) => time.as_secs_f64(),
            Self::Throughput(rate) => *rate,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(Figures { per_second, p50, p99 }) => {
                write!(formatter, "{} {:>9} {:>9}", rate(*per_second), time(*p50), time(*p99))
            }
            Self::Time(duration) => write!(formatter, "{:>9} {:>9} {:>9}", "", time(*duration), ""),
            Self::Throughput(per_second) => {
                write!(formatter, "{} {:>9} {:>9}", rate(*per_second), "", "")
            }
        }
    }
}

fn rate(per_second: f64) -> String {
    format!("{per_second:>7.0}/s")
}

fn time(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 10_000.0 { format!("{micros:.0} us") } else { format!("{:.1} ms", micros / 1e3) }
}

/// Rows by the order of their first measurement, a column for each subject.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<&'static str>,
    cells: BTreeMap<(&'static str, &'static str), Vec<Figure>>,
    flushes: Vec<Duration>,
}

/// Width of a cell: a rate and two times.
const CELL: usize = 29;

impl Table {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
            cells: BTreeMap::new(),
            flushes: Vec::new(),
        }
    }

    pub(crate) fn add_flush(&mut self, time: Duration) {
        self.flushes.push(time);
        self.flushes.sort();
    }

    pub(crate) fn add(&mut self, row: &'static str, column: &'static str, figure: Figure) {
        if !self.rows.contains(&row) {
            self.rows.push(row);
        }
        let rounds = self.cells.entry((row, column)).or_default();
        rounds.push(figure);
        rounds.sort_by(|one, other| one.key().total_cmp(&other.key()));
    }

    fn median(&self, row: &'static str, column: &'static str) -> Option<&Figure> {
        let rounds = self.cells.get(&(row, column))?;
        rounds.get(rounds.len() / 2)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(flush) = self.flushes.get(self.flushes.len() / 2) {
            writeln!(formatter, "flush (fdatasync of 4 KiB, median): {}\n", time(*flush))?;
        }
        write!(formatter, "{:28}", "")?;
        for column in &self.columns {
            write!(formatter, " | {column:>CELL$}")?;
        }
        write!(formatter, "\n{:28}", "")?;
        for _ in &self.columns {
            write!(formatter, " | {:>9} {:>9} {:>9}", "rate", "p50", "p99")?;
        }
        for row in &self.rows {
            write!(formatter, "\n{row:28}")?;
            for column in &self.columns {
                match self.median(row, column) {
                    Some(figure) => write!(formatter, " | {figure}")?,
                    None => write!(formatter, " | {:>CELL$}", "-")?,
                }
            }
        }
        writeln!(formatter)
    }
}
