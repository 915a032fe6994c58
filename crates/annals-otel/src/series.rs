//! The series of metrics, found without looking at a text.
//!
//! The SDK finds a series by hashing and comparing the names and values of all its attributes,
//! which is most of what a measurement costs. What is measured here has texts of the program for
//! them, so where these are in memory says which they are.

use std::hash::{BuildHasher, Hasher};
use std::ptr;
use std::sync::OnceLock;

use annals_core::telemetry::{Labels, Metric};
use foldhash::fast::RandomState;

/// Places for series: more than a program with a hundred kinds of commands needs.
const PLACES: usize = 1_024;

/// Places where a series is looked for.
const PROBES_MAX: usize = 8;

/// Keeps something for each series.
///
/// What is there stays there, so that finding it waits for nobody.
#[derive(Debug)]
pub(crate) struct BySeries<T> {
    places: Box<[OnceLock<(Key, T)>]>,
    hashing: RandomState,
}

/// What tells a series from all others: where its metric is, and where the names and values of its
/// labels begin and how long they are.
///
/// A text may be in memory twice. Then its series is kept twice, which does no harm.
#[derive(Debug)]
struct Key {
    metric: &'static Metric,
    texts: Vec<(usize, usize)>,
}

impl Key {
    fn new(metric: &'static Metric, labels: Labels<'_>) -> Self {
        Self { metric, texts: texts(labels).collect() }
    }

    fn is_of(&self, metric: &'static Metric, labels: Labels<'_>) -> bool {
        ptr::eq(self.metric, metric) && self.texts.iter().copied().eq(texts(labels))
    }
}

fn texts(labels: Labels<'_>) -> impl Iterator<Item = (usize, usize)> {
    let texts = labels.iter().flat_map(|(attribute, value)| [attribute.name, value]);
    texts.map(|text| (text.as_ptr().addr(), text.len()))
}

impl<T> BySeries<T> {
    pub(crate) fn new() -> Self {
        let places = (0..PLACES + PROBES_MAX).map(|_| OnceLock::new()).collect();
        Self { places, hashing: RandomState::default() }
    }

    /// What is kept for a series, which is made if there is nothing yet. None if there is no place
    /// for it.
    pub(crate) fn get_or_make(
        &self,
        metric: &'static Metric,
        labels: Labels<'_>,
        make: impl Fn() -> T,
    ) -> Option<&T> {
        let mut hasher = self.hashing.build_hasher();
        hasher.write_usize(ptr::from_ref(metric).addr());
        // Two series of a metric differ in a value.
        labels.iter().for_each(|(_, value)| hasher.write_usize(value.as_ptr().addr()));
        let first = usize::try_from(hasher.finish() % PLACES as u64).unwrap_or_default();
        let probed = self.places.iter().skip(first).take(PROBES_MAX);
        probed
            .map(|place| place.get_or_init(|| (Key::new(metric, labels), make())))
            .find(|(key, _)| key.is_of(metric, labels))
            .map(|(_, kept)| kept)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use annals_core::telemetry::{attribute, metric};

    use super::*;

    /// Texts with a place of their own each, for as long as the process lives.
    fn new_texts(count: usize) -> impl Iterator<Item = &'static str> {
        (0..count).map(|number| &*number.to_string().leak())
    }

    #[test]
    fn each_series_has_one_of_its_own() {
        let kept = BySeries::new();
        let made = Cell::new(0);
        let number = |labels: Labels<'_>| {
            let make = || made.replace(made.get() + 1);
            *kept.get_or_make(&metric::COMMAND_DURATION, labels, make).unwrap()
        };
        let (command, outcome) = ((attribute::COMMAND, "Close"), (attribute::OUTCOME, "written"));
        let whole = "written or not";
        let numbers = [
            number(&[]),
            number(&[command]),
            number(&[outcome]),
            number(&[command, outcome]),
            number(&[command, (attribute::OUTCOME, "rejected")]),
            number(&[(attribute::OUTCOME, whole)]),
            number(&[(attribute::OUTCOME, &whole[..7])]),
            number(&[(attribute::ERROR_TYPE, whole)]),
        ];
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(number(&[command, outcome]), 3);
        let of_another = kept.get_or_make(&metric::APPEND_DURATION, &[outcome], || 8);
        assert_eq!(of_another, Some(&8));
    }

    #[test]
    fn what_finds_no_place_says_so_and_what_has_one_keeps_it() {
        let kept = BySeries::new();
        let place = |text| {
            let labels = [(attribute::COMMAND, text)];
            kept.get_or_make(&metric::COMMAND_CONFLICTS, &labels, || text).copied()
        };
        let texts: Vec<_> = new_texts(2 * PLACES).collect();
        let first: Vec<_> = texts.iter().map(|text| place(text)).collect();
        let again: Vec<_> = texts.iter().map(|text| place(text)).collect();
        assert_eq!(first, again);
        let found = first.iter().flatten().count();
        assert!((PLACES / 2..=PLACES + PROBES_MAX).contains(&found), "{found}");
        assert!(texts.iter().zip(&first).all(|(text, found)| found.is_none_or(|it| it == *text)));
    }
}
