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
    /// Calls with this many events each, as events per second.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn rate(figures: Figures, events: usize) -> Self {
        Self::Rate(Figures { per_second: figures.per_second * events as f64, ..figures })
    }

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
            Self::Rate(Figures { per_second, p50, p99, .. }) => {
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
    limits: Vec<(String, Vec<Figure>)>,
}

/// Width of a cell: a rate and two times.
const CELL: usize = 29;

impl Table {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
            cells: BTreeMap::new(),
            limits: Vec::new(),
        }
    }

    /// What the machine could do if nothing was asked of it.
    pub(crate) fn add_limit(&mut self, name: &str, figure: Figure) {
        match self.limits.iter_mut().find(|(known, _)| known == name) {
            Some((_, rounds)) => rounds.push(figure),
            None => self.limits.push((name.to_owned(), vec![figure])),
        }
    }

    pub(crate) fn add(&mut self, row: &'static str, column: &'static str, figure: Figure) {
        if !self.rows.contains(&row) {
            self.rows.push(row);
        }
        self.cells.entry((row, column)).or_default().push(figure);
    }
}

/// The figure in the middle.
fn median(rounds: &[Figure]) -> Option<&Figure> {
    let mut rounds: Vec<&Figure> = rounds.iter().collect();
    rounds.sort_by(|one, other| one.key().total_cmp(&other.key()));
    rounds.get(rounds.len() / 2).copied()
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rounds) in &self.limits {
            match median(rounds) {
                Some(Figure::Time(limit)) => writeln!(formatter, "{name:44} {:>9}", time(*limit))?,
                Some(limit) => writeln!(formatter, "{name:44} {:>7.0}/s", limit.key())?,
                None => {}
            }
        }
        write!(formatter, "\n{:28}", "")?;
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
                match self.cells.get(&(*row, *column)).and_then(|rounds| median(rounds)) {
                    Some(figure) => write!(formatter, " | {figure}")?,
                    None => write!(formatter, " | {:>CELL$}", "-")?,
                }
            }
        }
        writeln!(formatter)
    }
}
