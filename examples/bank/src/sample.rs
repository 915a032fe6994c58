//! Makes up a file of transactions, for those who have no real one at hand.
//!
//! The same options give the same file. Like the real ones it is in the order of the days, begins
//! each account with a credit, and has a few debits that the balance does not cover.

mod transaction;

use std::io::{self, Write};

use chrono::{Days, NaiveDate};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use thiserror::Error;

use self::transaction::Transaction;
use crate::import::HEADER;

/// What to make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    accounts: u32,
    rows: u32,
    seed: u64,
}

/// There is no such sample.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// There is nothing to make up.
    #[error("a sample has at least one account")]
    NoAccounts,
    /// Each account needs its first row.
    #[error("{accounts} accounts need at least as many rows, not {rows}")]
    TooFewRows {
        /// How many accounts were asked for.
        accounts: u32,
        /// How many rows were asked for.
        rows: u32,
    },
}

/// The first day of every sample, and how many days it spans: the year of the real data.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1993, 1, 1).expect("the calendar has it");
const DAYS: u64 = 365;

impl Sample {
    /// A sample of `rows` rows on `accounts` accounts.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if not every account can have a row.
    pub fn new(accounts: u32, rows: u32, seed: u64) -> Result<Self, SampleError> {
        if accounts == 0 {
            return Err(SampleError::NoAccounts);
        }
        if rows < accounts {
            return Err(SampleError::TooFewRows { accounts, rows });
        }
        Ok(Self { accounts, rows, seed })
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// What `output` says.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        // The balances in minor units, as the bank that wrote the file sees them.
        let mut balances: Vec<i64> = Vec::new();
        write!(output, "\"{}\"\r\n", HEADER.replace(';', "\";\""))?;
        for index in 0..self.rows {
            let is_opening = self.opens_account(&mut random, balances.len(), index);
            let account = if is_opening {
                balances.push(0);
                balances.len() - 1
            } else {
                random.random_range(0..balances.len())
            };
            let Some(balance) = balances.get_mut(account) else { continue };
            let transaction = if is_opening {
                Transaction::opening(&mut random)
            } else {
                Transaction::draw(&mut random, *balance)
            };
            *balance += transaction.change_minor();
            let day = FIRST_DAY + Days::new(u64::from(index) * DAYS / u64::from(self.rows));
            let (number, account, day) = (index + 1, account + 1, day.format("%y%m%d"));
            write!(output, "{number};{account};{day};")?;
            transaction.write(output, *balance)?;
        }
        Ok(())
    }

    /// Whether the row is the first one of a new account. New accounts come in the first half of
    /// the file, at random, and in any case in time.
    fn opens_account(&self, random: &mut ChaCha8Rng, opened: usize, index: u32) -> bool {
        let unopened = self.accounts.saturating_sub(u32::try_from(opened).unwrap_or(u32::MAX));
        let remaining = self.rows - index;
        let is_due = opened == 0 || unopened == remaining;
        unopened > 0 && (is_due || random.random_range(0..remaining) < unopened.saturating_mul(2))
    }
}
