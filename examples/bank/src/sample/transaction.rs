//! One transaction of a sample.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, seq::IndexedRandom};

use crate::money::Money;

/// A transaction that has been made up, without its number, account and day.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    kind: &'static Kind,
    amount_minor: i64,
    /// The other bank and the account there, for transfers.
    partner: String,
}

/// A kind of transaction, as it appears in the real data.
#[derive(Debug)]
struct Kind {
    /// How often it comes, compared to the others.
    weight: u32,
    name: &'static str,
    operation: &'static str,
    symbol: &'static str,
    amount_minor: RangeInclusive<i64>,
}

const OPENING: Kind = kind(0, "PRIJEM", "VKLAD", "", 70_000..=120_000);
const CASH_IN: Kind = kind(20, "PRIJEM", "VKLAD", "", 50_000..=1_500_000);
const CASH_OUT: Kind = kind(24, "VYDAJ", "VYBER", "", 10_000..=900_000);

const KINDS: [Kind; 9] = [
    CASH_IN,
    CASH_OUT,
    // A salary, a pension, interest.
    kind(12, "PRIJEM", TRANSFER_IN, "", 800_000..=2_500_000),
    kind(6, "PRIJEM", TRANSFER_IN, "DUCHOD", 300_000..=800_000),
    kind(18, "PRIJEM", "", "UROK", 100..=20_000),
    // The household, insurance, a fee, cash by card.
    kind(12, "VYDAJ", TRANSFER_OUT, "SIPO", 50_000..=700_000),
    kind(3, "VYDAJ", TRANSFER_OUT, "POJISTNE", 3_000..=150_000),
    kind(9, "VYDAJ", "VYBER", "SLUZBY", 1_460..=1_460),
    kind(2, "VYBER", "VYBER", "", 50_000..=300_000),
];

const TRANSFER_IN: &str = "PREVOD Z UCTU";
const TRANSFER_OUT: &str = "PREVOD NA UCET";

/// One in so many rows is a debit that the balance does not cover, a little more often than in the
/// real data so that a small sample has some.
const OVERDRAFT_ONE_IN: u32 = 200;

const fn kind(
    weight: u32,
    name: &'static str,
    operation: &'static str,
    symbol: &'static str,
    amount_minor: RangeInclusive<i64>,
) -> Kind {
    Kind { weight, name, operation, symbol, amount_minor }
}

impl Transaction {
    /// The first one of an account.
    pub(super) fn opening(random: &mut ChaCha8Rng) -> Self {
        Self::of(&OPENING, random)
    }

    /// One of an account with this balance.
    pub(super) fn draw(random: &mut ChaCha8Rng, balance_minor: i64) -> Self {
        if random.random_ratio(1, OVERDRAFT_ONE_IN) {
            let beyond = Self::of(&CASH_OUT, random);
            return Self { amount_minor: beyond.amount_minor + balance_minor.max(0), ..beyond };
        }
        let kind = KINDS.choose_weighted(random, |kind| kind.weight).unwrap_or(&CASH_IN);
        let drawn = Self::of(kind, random);
        // Who cannot pay brings money first.
        if drawn.is_debit() && drawn.amount_minor > balance_minor {
            return Self::of(&CASH_IN, random);
        }
        drawn
    }

    fn of(kind: &'static Kind, random: &mut ChaCha8Rng) -> Self {
        let amount_minor = random.random_range(kind.amount_minor.clone());
        let is_transfer = [TRANSFER_IN, TRANSFER_OUT].contains(&kind.operation);
        let partner = if is_transfer {
            let bank = ["AB", "CD", "EF", "GH", "IJ", "KL"].choose(random).unwrap_or(&"AB");
            format!("\"{bank}\";{}", random.random_range(1_000_000..10_000_000))
        } else {
            ";".to_owned()
        };
        Self { kind, amount_minor, partner }
    }

    fn is_debit(&self) -> bool {
        self.kind.name != "PRIJEM"
    }

    /// What it adds to the balance.
    pub(super) fn change_minor(&self) -> i64 {
        if self.is_debit() { -self.amount_minor } else { self.amount_minor }
    }

    /// Writes the rest of its line, with the balance after it.
    pub(super) fn write(&self, output: &mut impl Write, balance_minor: i64) -> io::Result<()> {
        let Kind { name, operation, symbol, .. } = self.kind;
        let (amount, balance) =
            (Money::from_minor(self.amount_minor), Money::from_minor(balance_minor));
        let partner = &self.partner;
        write!(output, "\"{name}\";\"{operation}\";{amount};{balance};\"{symbol}\";{partner}\r\n")
    }
}
