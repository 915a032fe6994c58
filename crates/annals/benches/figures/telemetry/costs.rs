//! What one way costs beside another.

use std::collections::BTreeMap;
use std::fmt;

use super::worker::{Slice, Telling};

/// What is compared: what the second costs beside the first.
const COMPARED: [(Telling, Telling); 2] =
    [(Telling::Without, Telling::Off), (Telling::Off, Telling::On)];

/// What a slice was like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    commands_per_second: f64,
    /// Of its process, in microseconds for each command.
    processor_us: f64,
}

impl Taken {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(super) fn of(slice: &Slice) -> Self {
        Self {
            commands_per_second: slice.figures.per_second,
            processor_us: slice.processor.as_secs_f64() * 1e6 / slice.figures.calls as f64,
        }
    }
}

/// Slices that took turns, by their rows.
#[derive(Debug, Default)]
pub(crate) struct Costs(BTreeMap<&'static str, Vec<BTreeMap<Telling, Taken>>>);

impl Costs {
    pub(super) fn add(&mut self, row: &'static str, turn: BTreeMap<Telling, Taken>) {
        self.0.entry(row).or_default().push(turn);
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:28} | processor time of a command, in its process", "")?;
        for (row, turns) in &self.0 {
            write!(formatter, "{row:28}")?;
            for telling in Telling::ALL {
                let of_one = |turn: &BTreeMap<_, Taken>| Some(turn.get(&telling)?.processor_us);
                if let Some(quartiles) = Quartiles::of(turns.iter().filter_map(of_one)) {
                    write!(formatter, " | {:>7} {:>6.1} us", telling.name(), quartiles.median)?;
                }
            }
            writeln!(formatter)?;
        }
        writeln!(formatter, "\nlost, turn by turn: the median, and the quartiles around it")?;
        for (one, other) in COMPARED {
            for (row, turns) in &self.0 {
                let pairs = || turns.iter().filter_map(|it| it.get(&one).zip(it.get(&other)));
                let throughput = pairs()
                    .map(|(one, other)| 1.0 - other.commands_per_second / one.commands_per_second);
                let processor =
                    pairs().map(|(one, other)| other.processor_us / one.processor_us - 1.0);
                if let (Some(throughput), Some(processor)) =
                    (Quartiles::of(throughput), Quartiles::of(processor))
                {
                    let what = format!("{} beside {}", other.name(), one.name());
                    writeln!(
                        formatter,
                        "{what:18} | {row:20} | throughput {throughput} | processor {processor}"
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// The middle of measurements, and how far they are apart.
struct Quartiles {
    lower: f64,
    median: f64,
    upper: f64,
}

impl Quartiles {
    fn of(measured: impl Iterator<Item = f64>) -> Option<Self> {
        let mut measured: Vec<f64> = measured.collect();
        measured.sort_by(f64::total_cmp);
        let at = |quarter: usize| measured.get(measured.len() * quarter / 4).copied();
        Some(Self { lower: at(1)?, median: at(2)?, upper: at(3)? })
    }
}

/// As parts of a whole.
impl fmt::Display for Quartiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lower, median, upper] = [self.lower, self.median, self.upper].map(|part| part * 100.0);
        write!(formatter, "{median:>6.1}% ({lower:>6.1}% to {upper:>6.1}%)")
    }
}
