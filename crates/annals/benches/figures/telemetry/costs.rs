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
                if let Some(processor) = Median::of(turns.iter().filter_map(of_one)) {
                    write!(formatter, " | {:>7} {:>6.1} us", telling.name(), processor.median)?;
                }
            }
            writeln!(formatter)?;
        }
        writeln!(
            formatter,
            "\nlost, turn by turn: the median, and where it is with 95% certainty"
        )?;
        for (one, other) in COMPARED {
            for (row, turns) in &self.0 {
                let pairs = || turns.iter().filter_map(|it| it.get(&one).zip(it.get(&other)));
                let throughput = pairs()
                    .map(|(one, other)| 1.0 - other.commands_per_second / one.commands_per_second);
                let processor =
                    pairs().map(|(one, other)| other.processor_us / one.processor_us - 1.0);
                if let (Some(throughput), Some(processor)) =
                    (Median::of(throughput), Median::of(processor))
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

/// The middle of measurements, and the bounds between which it would be found with 95% certainty if
/// there were any number of them.
struct Median {
    lower: f64,
    median: f64,
    upper: f64,
}

impl Median {
    /// The bounds are measurements themselves, as many places from the middle as chance moves it:
    /// nothing is assumed of how they are spread.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "there are some hundred"
    )]
    fn of(measured: impl Iterator<Item = f64>) -> Option<Self> {
        let mut measured: Vec<f64> = measured.collect();
        measured.sort_by(f64::total_cmp);
        let middle = measured.len() / 2;
        let apart = (0.98 * (measured.len() as f64).sqrt()).ceil() as usize;
        let last = measured.len().checked_sub(1)?;
        let at = |place: usize| measured.get(place).copied();
        Some(Self {
            lower: at(middle.saturating_sub(apart))?,
            median: at(middle)?,
            upper: at((middle + apart).min(last))?,
        })
    }
}

/// As parts of a whole.
impl fmt::Display for Median {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lower, median, upper] = [self.lower, self.median, self.upper].map(|part| part * 100.0);
        write!(formatter, "{median:>6.1}% ({lower:>6.1}% to {upper:>6.1}%)")
    }
}
