//! Money: whole minor units of the one currency of this bank.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The currency of every account, as ISO 4217 names it.
pub const CURRENCY: &str = "CZK";

/// An amount or a balance in minor units, of which 100 make one unit.
///
/// It is shown with two decimals and computed with checks: what does not fit is `None`, never
/// another number. Its JSON is an integer, or text beyond 2^53.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Largest number that every reader of JSON takes exactly: some know only 64-bit floats.
const JSON_EXACT_MAX: u128 = 1 << 53;

/// Decimal text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// It is not digits, with a point and one or two more digits at most.
    #[error("is not an amount such as 700 or 700.00")]
    Form,
    /// It is beyond [`Money::MAX`].
    #[error("is too much to be counted")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be counted.
    pub const MAX: Self = Self(i64::MAX);

    /// So many minor units.
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// How many minor units it is.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The sum, if it can be counted.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, if it can be counted.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Reads `700`, `700.5` or `700.00`, exactly and without a sign.
    ///
    /// # Errors
    ///
    /// [`DecimalError`], saying what is wrong with it.
    pub fn from_decimal(text: &str) -> Result<Self, DecimalError> {
        let (units, hundredths) = text.split_once('.').unwrap_or((text, "00"));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if units.is_empty() || !is_digits(units) || !is_digits(hundredths) {
            return Err(DecimalError::Form);
        }
        let hundredths = match hundredths.len() {
            1 => format!("{hundredths}0"),
            2 => hundredths.to_owned(),
            _ => return Err(DecimalError::Form),
        };
        format!("{units}{hundredths}").parse().map(Self).map_err(|_| DecimalError::TooLarge)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Total::from(*self).fmt(formatter)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Total::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MoneyVisitor { takes_text: true })
    }
}

/// Reads an amount that somebody asks for: an integer, in any form that JSON has for one, and no
/// text that could be taken for one.
///
/// # Errors
///
/// What `D` says of anything else.
pub fn from_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    deserializer.deserialize_any(MoneyVisitor { takes_text: false })
}

/// Takes what is written, or what is asked for: amounts too large for some readers are written as
/// text, and nobody writes whole numbers in the form of others.
struct MoneyVisitor {
    takes_text: bool,
}

/// From 2^53 on, a number with a fraction part in its form may stand for several whole ones.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl Visitor<'_> for MoneyVisitor {
    type Value = Money;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number of minor units up to 2^63 - 1")
    }

    fn visit_i64<E: Error>(self, minor: i64) -> Result<Money, E> {
        Ok(Money(minor))
    }

    fn visit_u64<E: Error>(self, minor: u64) -> Result<Money, E> {
        let wrong = |_| E::invalid_value(Unexpected::Unsigned(minor), &self);
        i64::try_from(minor).map(Money).map_err(wrong)
    }

    /// `1.0` and `1e2` are whole numbers, which JSON Schema does not tell apart from 1 and 100.
    /// Beyond 2^53 they may have been rounded, so nobody knows what was meant.
    fn visit_f64<E: Error>(self, minor: f64) -> Result<Money, E> {
        let wrong = || E::invalid_value(Unexpected::Float(minor), &self);
        let is_exact = !self.takes_text && minor.fract() == 0.0 && minor.abs() < EXACT_MAX;
        let whole = is_exact.then(|| format!("{minor:.0}").parse().ok()).flatten();
        whole.map(Money).ok_or_else(wrong)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Money, E> {
        let minor = text.parse().ok().filter(|_| self.takes_text);
        minor.map(Money).ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
    }
}

/// A sum over any number of accounts: it has room for all of them at [`Money::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total(i128);

impl Total {
    /// So many minor units.
    #[must_use]
    pub const fn from_minor(minor: i128) -> Self {
        Self(minor)
    }

    /// How many minor units it is.
    #[must_use]
    pub const fn minor(self) -> i128 {
        self.0
    }

    /// The sum, if it can be counted.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The sum with more.
    #[must_use]
    pub fn plus(self, more: impl Into<Self>) -> Self {
        Self(self.0.saturating_add(more.into().0))
    }
}

impl From<Money> for Total {
    fn from(money: Money) -> Self {
        Self(money.0.into())
    }
}

impl fmt::Display for Total {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minor = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        formatter.pad(&format!("{sign}{}.{:02}", minor / 100, minor % 100))
    }
}

impl Serialize for Total {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0) {
            Ok(minor) if self.0.unsigned_abs() <= JSON_EXACT_MAX => serializer.serialize_i64(minor),
            _ => serializer.collect_str(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_becomes_minor_units_exactly() {
        for (text, minor) in [
            ("700.00", 70_000),
            ("0.29", 29),
            ("0.1", 10),
            ("5", 500),
            ("00.07", 7),
            ("92233720368547758.07", i64::MAX),
        ] {
            assert_eq!(Money::from_decimal(text), Ok(Money(minor)), "{text}");
        }
    }

    #[test]
    fn what_is_not_exactly_an_amount_is_refused() {
        for text in [
            "", ".", ".5", "5.", "1.001", "-1.00", "+1", "1e3", "1,00", " 1", "1.0.0", "NaN",
            "\u{663}",
        ] {
            assert_eq!(Money::from_decimal(text), Err(DecimalError::Form), "{text:?}");
        }
        for text in ["92233720368547758.08", &"9".repeat(1_000)] {
            assert_eq!(Money::from_decimal(text), Err(DecimalError::TooLarge));
        }
    }

    #[test]
    fn money_is_shown_with_two_decimals() {
        assert_eq!(Money(70_000).to_string(), "700.00");
        assert_eq!(Money(-5).to_string(), "-0.05");
        assert_eq!(Money(i64::MIN).to_string(), "-92233720368547758.08");
        assert_eq!(format!("{:>8}", Money(123)), "    1.23");
    }

    #[test]
    fn json_keeps_every_amount_and_stays_exact_for_every_reader() {
        for (minor, json) in [
            (0, "0"),
            (-1, "-1"),
            (9_007_199_254_740_992, "9007199254740992"),
            (9_007_199_254_740_993, "\"9007199254740993\""),
            (i64::MAX, "\"9223372036854775807\""),
            (i64::MIN, "\"-9223372036854775808\""),
        ] {
            assert_eq!(serde_json::to_string(&Money(minor)).unwrap(), json);
            assert_eq!(serde_json::from_str::<Money>(json).unwrap(), Money(minor));
        }
        for json in ["1.5", "1e2", "9223372036854775808", "\"\"", "null", "true"] {
            assert!(serde_json::from_str::<Money>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_amount_is_asked_for_in_any_form_that_json_has_for_a_whole_number() {
        let read = |json| from_integer(&mut serde_json::Deserializer::from_str(json));
        for (json, minor) in [("100", 100), ("1e2", 100), ("100.0", 100), ("-1.0", -1)] {
            assert_eq!(read(json).unwrap(), Money(minor), "{json}");
        }
        for json in ["1.5", "9007199254740993.0", "1e16", "1e400", "\"100\"", "null", "true"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn sums_that_do_not_fit_are_none() {
        assert_eq!(Money::MAX.checked_add(Money(1)), None);
        assert_eq!(Money(i64::MIN).checked_sub(Money(1)), None);
        let total = Total::default().plus(Money::MAX).plus(Money::MAX);
        assert_eq!(total.to_string(), "184467440737095516.14");
        assert_eq!(serde_json::to_string(&total).unwrap(), "\"18446744073709551614\"");
    }
}
