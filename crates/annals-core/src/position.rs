//! Places in the log and in a stream.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::LimitError;

/// Highest position and sequence: the largest integer every database can hold.
const NUMBER_MAX: u64 = i64::MAX as u64;

macro_rules! number {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name(u64);

        impl $name {
            /// Before the first event.
            pub const ZERO: Self = Self(0);
            /// The highest possible value, 2^63 - 1.
            pub const MAX: Self = Self(NUMBER_MAX);

            /// Takes `value` as it is.
            ///
            /// # Errors
            ///
            /// [`LimitError::OutOfRange`] above [`Self::MAX`].
            pub const fn new(value: u64) -> Result<Self, LimitError> {
                if value > NUMBER_MAX {
                    return Err(LimitError::OutOfRange {
                        what: $what,
                        value,
                        min: 0,
                        max: NUMBER_MAX,
                    });
                }
                Ok(Self(value))
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number as databases hold it.
            #[must_use]
            #[expect(clippy::cast_possible_wrap, reason = "the constructor bounds it to i64::MAX")]
            pub const fn as_i64(self) -> i64 {
                self.0 as i64
            }

            /// The value `count` further on.
            ///
            /// # Panics
            ///
            /// Beyond [`Self::MAX`], which a log writing a million events a second reaches after
            /// 292,000 years.
            #[must_use]
            pub const fn plus(self, count: u64) -> Self {
                match self.0.checked_add(count) {
                    Some(value) if value <= NUMBER_MAX => Self(value),
                    _ => panic!("numbers of the log end at 2^63 - 1"),
                }
            }

            /// The value one before, `ZERO` for `ZERO`.
            #[must_use]
            pub const fn before(self) -> Self {
                Self(self.0.saturating_sub(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl TryFrom<u64> for $name {
            type Error = LimitError;

            fn try_from(value: u64) -> Result<Self, LimitError> {
                Self::new(value)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = LimitError;

            /// From a database column. A negative number is refused like one that is too high.
            fn try_from(value: i64) -> Result<Self, LimitError> {
                Self::new(u64::try_from(value).unwrap_or(u64::MAX))
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

number!(
    /// A place in the log. The first event has position 1; [`Position::ZERO`] is before it.
    ///
    /// Positions are handed out in commit order without holes (guarantee G3), so "everything up to
    /// p" is an exact statement and a checkpoint is one integer.
    Position,
    "position"
);

number!(
    /// A place in a stream. The first event of an aggregate has sequence 1; [`Sequence::ZERO`]
    /// means that the stream does not exist yet.
    Sequence,
    "sequence"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_a_database_cannot_hold_are_refused() {
        assert_eq!(Position::new(i64::MAX as u64), Ok(Position::MAX));
        assert!(Position::new(i64::MAX as u64 + 1).is_err());
        assert!(Sequence::try_from(-1_i64).is_err());
        assert!(serde_json::from_str::<Sequence>("9223372036854775808").is_err());
    }
}
