//! How old something is.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

/// A time such as `90s`, `5m`, `2h` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Age(TimeDelta);

/// Text is no such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a time is given as 90s, 5m, 2h or 1d")]
pub(super) struct AgeError;

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
        let parse = || {
            let (number, seconds) =
                units.iter().find_map(|(unit, it)| Some((text.strip_suffix(*unit)?, it)))?;
            let number: u32 = number.parse().ok()?;
            TimeDelta::try_seconds(i64::from(number) * seconds).map(Self)
        };
        parse().ok_or(AgeError)
    }
}

impl Age {
    /// The time that was so long before `now`; the beginning of time if that is before it.
    pub(super) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.checked_sub_signed(self.0).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

/// How long ago something was, in its largest unit.
pub(super) fn told(age: TimeDelta) -> String {
    let units = [(age.num_days(), "d"), (age.num_hours(), "h"), (age.num_minutes(), "m")];
    let largest = units.into_iter().find(|(number, _)| *number > 0);
    let (number, unit) = largest.unwrap_or((age.num_seconds().max(0), "s"));
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_number_and_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("5m", 300), ("2h", 7_200), ("1d", 86_400)]
        {
            assert_eq!(text.parse(), Ok(Age(TimeDelta::seconds(seconds))));
        }
        for text in ["", "s", "5", "5 m", "-5m", "1.5h", "99999999999d", "5M"] {
            assert_eq!(text.parse::<Age>(), Err(AgeError), "{text:?}");
        }
    }

    #[test]
    fn an_age_longer_than_time_reaches_to_its_beginning() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!("2h".parse::<Age>().unwrap().before(now), now - TimeDelta::hours(2));
        let beginning = DateTime::<Utc>::MIN_UTC;
        assert_eq!("4294967295d".parse::<Age>().unwrap().before(now), beginning);
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, text) in [(-1, "0s"), (59, "59s"), (119, "1m"), (7_200, "2h"), (90_000, "1d")]
        {
            assert_eq!(told(TimeDelta::seconds(seconds)), text);
        }
    }
}
