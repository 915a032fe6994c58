//! How long a page is.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// Items on one page of a list, and how many may be asked for.
const ITEMS_DEFAULT: usize = 100;
const ITEMS_MAX: usize = 1_000;

/// How many items a page has at most: 1 to 1,000, and 100 if nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "usize")]
pub struct PageLimit(usize);

/// A page is not to be that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("limit is 1 to {ITEMS_MAX}")]
pub struct PageLimitError;

impl PageLimit {
    /// How many.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(ITEMS_DEFAULT)
    }
}

impl TryFrom<usize> for PageLimit {
    type Error = PageLimitError;

    fn try_from(items: usize) -> Result<Self, PageLimitError> {
        if (1..=ITEMS_MAX).contains(&items) { Ok(Self(items)) } else { Err(PageLimitError) }
    }
}

impl FromStr for PageLimit {
    type Err = PageLimitError;

    fn from_str(text: &str) -> Result<Self, PageLimitError> {
        text.parse().map_err(|_| PageLimitError).and_then(|items: usize| items.try_into())
    }
}

impl fmt::Display for PageLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
