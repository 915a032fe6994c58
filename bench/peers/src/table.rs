//! The tables that are printed: figures, and what they are beside the best peer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::peer::Name;
use crate::scenario::{Kind, SCENARIOS, Scenario, Work};

/// Figures of all rounds.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Name>,
    cells: BTreeMap<(&'static str, Name, u32), Vec<f64>>,
    flushes: Vec<f64>,
    inserts: BTreeMap<usize, Vec<f64>>,
    copies: Vec<f64>,
}

/// The median of a row for one peer, with the size of the pool that was better.
#[derive(Debug, Clone, Copy)]
struct Best {
    figure: f64,
    pool: u32,
}

impl Table {
    pub(crate) fn new(columns: Vec<Name>) -> Self {
        Self {
            columns,
            cells: BTreeMap::new(),
            flushes: Vec::new(),
            inserts: BTreeMap::new(),
            copies: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, row: &'static str, name: Name, pool: u32, figure: f64) {
        self.cells.entry((row, name, pool)).or_default().push(figure);
    }

    pub(crate) fn add_flush(&mut self, time: Duration) {
        self.flushes.push(time.as_secs_f64() * 1e6);
    }

    pub(crate) fn add_inserts(&mut self, clients: usize, per_second: f64) {
        self.inserts.entry(clients).or_default().push(per_second);
    }

    pub(crate) fn add_copy(&mut self, per_second: f64) {
        self.copies.push(per_second);
    }

    fn best(&self, row: &Scenario, name: Name) -> Option<Best> {
        let pools = self.cells.iter().filter(|((of, by, _), _)| *of == row.name && *by == name);
        let medians = pools.filter_map(|((_, _, pool), rounds)| {
            Some(Best { figure: median(rounds)?, pool: *pool })
        });
        medians
            .reduce(|one, other| if row.is_better(other.figure, one.figure) { other } else { one })
    }

    /// The best of those that work on the same PostgreSQL.
    fn best_peer(&self, row: &Scenario) -> Option<(Name, Best)> {
        let peers = self.columns.iter().filter(|name| !name.is_ours() && !name.is_server());
        let figures = peers.filter_map(|name| Some((*name, self.best(row, *name)?)));
        figures.reduce(
            |one, other| {
                if row.is_better(other.1.figure, one.1.figure) { other } else { one }
            },
        )
    }
}

impl Scenario {
    fn is_better(&self, figure: f64, than: f64) -> bool {
        if self.is_time() { figure < than } else { figure > than }
    }

    /// How many times as good.
    fn ratio(&self, figure: f64, to: f64) -> f64 {
        if self.is_time() { to / figure } else { figure / to }
    }

    fn show(&self, figure: f64) -> String {
        match self.is_time() {
            true if figure >= 10_000.0 => format!("{:.1} ms", figure / 1e3),
            true => format!("{figure:.0} us"),
            false => format!("{figure:.0}/s"),
        }
    }
}

fn median(rounds: &[f64]) -> Option<f64> {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied()
}

/// `2.3 of 4` or, without an aim, `2.3`.
fn ratio(ratio: Option<f64>, aim: Option<f64>) -> String {
    match (ratio, aim) {
        (None, _) => "-".to_owned(),
        (Some(ratio), None) => format!("{ratio:.1}"),
        (Some(ratio), Some(aim)) => {
            format!("{ratio:.1} of {aim} {}", if ratio >= aim { "met" } else { "-" })
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_limits(formatter)?;
        self.write_figures(formatter)?;
        self.write_ratios(formatter)
    }
}

impl Table {
    fn write_limits(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(flush) = median(&self.flushes) {
            writeln!(formatter, "flush (fdatasync of 4 KiB, not slowed): {flush:.0} us")?;
        }
        write!(formatter, "a prepared insert for each transaction:")?;
        for (clients, rounds) in &self.inserts {
            let insert = median(rounds).unwrap_or_default();
            write!(formatter, " {insert:.0}/s by {clients},")?;
        }
        writeln!(formatter, " clients")?;
        let copy = median(&self.copies).unwrap_or_default();
        writeln!(formatter, "rows of a binary COPY: {copy:.0}/s\n")
    }

    /// A peer's figures are those of its better pool, whose size stands behind them.
    fn write_figures(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:28}", "")?;
        for name in &self.columns {
            write!(formatter, " | {:>15}", name.text())?;
        }
        writeln!(formatter)?;
        for row in &SCENARIOS {
            let cells: Vec<_> = self.columns.iter().map(|name| self.best(row, *name)).collect();
            if cells.iter().all(Option::is_none) {
                continue;
            }
            write!(formatter, "{:28}", row.name)?;
            for best in cells {
                let cell = match best {
                    None => "-".to_owned(),
                    Some(Best { figure, pool }) if pool > 0 && row.has_clients() => {
                        format!("{} ({pool})", row.show(figure))
                    }
                    Some(Best { figure, .. }) => row.show(figure),
                };
                write!(formatter, " | {cell:>15}")?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }

    fn write_ratios(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "\n{:28} | {:>24} | {:>14} | {:>14}",
            "times the best on PostgreSQL", "the best", "cached", "loading"
        )?;
        for row in &SCENARIOS {
            let Some((name, best)) = self.best_peer(row) else { continue };
            let times =
                |ours| self.best(row, ours).map(|ours: Best| row.ratio(ours.figure, best.figure));
            writeln!(
                formatter,
                "{:28} | {:>24} | {:>14} | {:>14}",
                row.name,
                format!("{} {}", name.text(), row.show(best.figure)),
                ratio(times(Name::AnnalsCached), row.aims.0),
                ratio(times(Name::AnnalsLoading), row.aims.1),
            )?;
        }
        let batches = SCENARIOS.iter().find(|row| row.is_batch_of_100());
        let batches = batches.and_then(|row| self.best(row, Name::AnnalsCached));
        if let (Some(batches), Some(copy)) = (batches, median(&self.copies)) {
            let share = 100.0 * batches.figure / copy;
            let is_met = if share >= 60.0 { "met" } else { "-" };
            writeln!(formatter, "batches of 100 beside COPY: {share:.0}% of 60% {is_met}")?;
        }
        Ok(())
    }
}

impl Scenario {
    fn has_clients(&self) -> bool {
        matches!(self.kind, Kind::Clients { .. })
    }

    fn is_batch_of_100(&self) -> bool {
        matches!(self.kind, Kind::Clients { work: Work::Append { events: 100 }, .. })
    }
}
