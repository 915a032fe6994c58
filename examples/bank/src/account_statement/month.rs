//! Months, in which statements are divided.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A month, in UTC: `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u16,
    month: u8,
}

/// Text is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a month is given as 2026-01")]
pub struct MonthError;

/// The last year that has four digits. The order of months as text is that of time up to there.
const YEAR_MAX: u16 = 9_999;

impl Month {
    /// The month in which a time is. Times before year 0 and after 9999 count as of those.
    #[must_use]
    pub fn of(time: DateTime<Utc>) -> Self {
        let year = u16::try_from(time.year().max(0)).unwrap_or(YEAR_MAX).min(YEAR_MAX);
        Self { year, month: u8::try_from(time.month()).unwrap_or(1) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if year.len() != 4 || month.len() != 2 || !is_digits(year) || !is_digits(month) {
                return None;
            }
            let month = month.parse().ok().filter(|month| (1..=12).contains(month))?;
            Some(Self { year: year.parse().ok()?, month })
        };
        parse().ok_or(MonthError)
    }
}

impl TryFrom<String> for Month {
    type Error = MonthError;

    fn try_from(text: String) -> Result<Self, MonthError> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_utc() {
        for (time, month) in [
            ("2026-01-01T00:00:00Z", "2026-01"),
            ("2025-12-31T23:59:59.999999Z", "2025-12"),
            ("0001-11-05T00:00:00Z", "0001-11"),
        ] {
            let of = Month::of(time.parse().unwrap());
            assert_eq!((of.to_string(), month.parse()), (month.to_owned(), Ok(of)));
        }
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-1", "2026-00", "2026-13", "+026-01", "26-01", "2026-01-01"] {
            assert_eq!(text.parse::<Month>(), Err(MonthError), "{text}");
        }
    }
}
