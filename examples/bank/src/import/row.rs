//! One row of a file of transactions.

use annals::CommandId;
use chrono::NaiveDate;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use thiserror::Error;
use uuid::Uuid;

use crate::account::{AccountCommand, AccountId, AccountIdError, OwnerName};
use crate::import::file::LINE_BYTES_MAX;
use crate::money::{DecimalError, Money};

/// The first line of a file of transactions, without quotes.
pub const HEADER: &str =
    "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account";

/// How many fields a row has.
const FIELDS: usize = 10;

/// Command ids of rows are derived in this namespace. Another one would import every row again.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c4b_703e_e9f1_4568_8dbf_331f_6cfd_cae3);

/// The years of the two digits of a date: the format is of the 1990s.
const CENTURY: i32 = 1900;

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The command id that comes with the row's content: the same row, the same id.
    pub id: CommandId,
    /// The bank's own number of the transaction.
    pub trans_id: u64,
    /// Whose balance it changes.
    pub account_id: AccountId,
    /// When it was made.
    pub date: NaiveDate,
    /// Whether it is paid in or taken out.
    pub direction: Direction,
    /// How much.
    pub amount: Money,
}

/// Whether something is paid in or taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Paid in.
    Credit,
    /// Taken out.
    Debit,
}

/// A line is no row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RowError {
    /// It is too long to be one.
    #[error("the line has more than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// Its last quote was opened and not closed.
    #[error("a quote is not closed")]
    OpenQuote,
    /// It has more or fewer fields.
    #[error("the line has {fields} fields instead of {FIELDS}")]
    Fields {
        /// How many it has; one more than there should be stands for any higher number.
        fields: usize,
    },
    /// The number of the transaction is none.
    #[error("trans_id is not a number")]
    TransId,
    /// The account id is none.
    #[error("account_id is malformed: {0}")]
    AccountId(AccountIdError),
    /// The date is none.
    #[error("date is not a day written YYMMDD")]
    Date,
    /// The type is none of the known ones.
    #[error("type is not one of PRIJEM, VYDAJ, VYBER")]
    Type,
    /// The amount is none.
    #[error("amount {0}")]
    Amount(DecimalError),
}

impl Row {
    /// The command for the row: a credit to an account that does not exist opens it.
    #[must_use]
    pub fn command(&self, account_exists: bool) -> AccountCommand {
        let amount = self.amount;
        match self.direction {
            Direction::Credit if !account_exists => AccountCommand::OpenAccount {
                owner_name: self.owner_name(),
                initial_balance: amount,
            },
            Direction::Credit => AccountCommand::DepositMoney { amount },
            Direction::Debit => AccountCommand::WithdrawMoney { amount },
        }
    }

    /// The files are anonymous; this is what stands for a name.
    fn owner_name(&self) -> OwnerName {
        OwnerName::new(&format!("Owner of {}", self.account_id))
            .expect("an account id and two words are a name")
    }
}

/// Takes lines apart. One for many lines, because it keeps its buffers.
#[derive(Debug)]
pub(super) struct RowParser {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl RowParser {
    pub(super) fn new() -> Self {
        // Lines come one by one, so that an open quote cannot swallow the lines after it.
        let terminator = Terminator::Any(b'\n');
        Self {
            reader: ReaderBuilder::new().delimiter(b';').terminator(terminator).build(),
            text: vec![0; LINE_BYTES_MAX],
            ends: vec![0; FIELDS + 1],
        }
    }

    pub(super) fn is_header(&mut self, line: &[u8]) -> bool {
        self.fields(line).is_ok_and(|fields| fields.join(&b';') == HEADER.as_bytes())
    }

    /// Reads a line that ends with a line feed.
    pub(super) fn parse(&mut self, line: &[u8]) -> Result<Row, RowError> {
        let fields = self.fields(line)?;
        let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        let [trans_id, account_id, date, kind, _, amount, ..] = fields;
        let trans_id = digits(trans_id).ok_or(RowError::TransId)?;
        let account_id = AccountId::new(text(account_id)).map_err(RowError::AccountId)?;
        let date = day(date).ok_or(RowError::Date)?;
        let direction = direction(kind).ok_or(RowError::Type)?;
        let amount = Money::from_decimal(&text(amount)).map_err(RowError::Amount)?;
        Ok(Row { id: row_id(&fields, amount), trans_id, account_id, date, direction, amount })
    }

    fn fields(&mut self, line: &[u8]) -> Result<[&[u8]; FIELDS], RowError> {
        self.reader.reset();
        let (result, _, _, fields) = self.reader.read_record(line, &mut self.text, &mut self.ends);
        match result {
            ReadRecordResult::Record if fields == FIELDS => {}
            ReadRecordResult::Record => return Err(RowError::Fields { fields }),
            ReadRecordResult::OutputEndsFull => {
                return Err(RowError::Fields { fields: FIELDS + 1 });
            }
            _ => return Err(RowError::OpenQuote),
        }
        let mut start = 0;
        let mut parts = [&[][..]; FIELDS];
        for (part, end) in parts.iter_mut().zip(&self.ends) {
            *part = self.text.get(start..*end).unwrap_or_default();
            start = *end;
        }
        Ok(parts)
    }
}

/// The id of the command for a row: the same for the same content, however it is quoted and
/// however many decimals the amount is written with.
fn row_id(fields: &[&[u8]; FIELDS], amount: Money) -> CommandId {
    let amount = amount.to_string();
    let mut content = Vec::with_capacity(128);
    for (index, field) in fields.iter().enumerate() {
        let field = if index == 5 { amount.as_bytes() } else { field };
        // With its length, so that no two rows run together into the same bytes.
        content.extend((field.len() as u64).to_be_bytes());
        content.extend(field);
    }
    CommandId::derived(&NAMESPACE, &content)
}

fn digits(field: &[u8]) -> Option<u64> {
    let is_digits = field.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(field).ok().filter(|_| is_digits)?;
    text.parse().ok()
}

fn day(field: &[u8]) -> Option<NaiveDate> {
    let number = digits(field).filter(|_| field.len() == 6)?;
    let part = |divisor: u64| u32::try_from(number / divisor % 100).ok();
    let year = CENTURY.checked_add_unsigned(part(10_000)?)?;
    NaiveDate::from_ymd_opt(year, part(100)?, part(1)?)
}

fn direction(field: &[u8]) -> Option<Direction> {
    match field {
        b"PRIJEM" => Some(Direction::Credit),
        b"VYDAJ" | b"VYBER" => Some(Direction::Debit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Row, RowError> {
        RowParser::new().parse(format!("{line}\n").as_bytes())
    }

    #[test]
    fn a_row_is_read_as_it_is_meant() {
        let row = parse("695247;2378;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\";;").unwrap();
        assert_eq!(row.trans_id, 695_247);
        assert_eq!(row.account_id.as_str(), "2378");
        assert_eq!(row.date, NaiveDate::from_ymd_opt(1993, 1, 1).unwrap());
        assert_eq!((row.direction, row.amount), (Direction::Credit, Money::from_minor(70_000)));
        let debit = "1;2;930101;\"VYBER\";\"VYBER\";5.00;5.00;\" \";\"AB\";4711";
        assert_eq!(parse(debit).unwrap().direction, Direction::Debit);
    }

    #[test]
    fn the_id_comes_from_the_content_and_from_nothing_else() {
        let id = |line: &str| parse(line).unwrap().id;
        let row = id("1;2;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\";;");
        assert_eq!(row, id("1;2;930101;PRIJEM;VKLAD;700;700.00;;\"\";"));
        for other in [
            "3;2;930101;PRIJEM;VKLAD;700.00;700.00;;;",
            "1;3;930101;PRIJEM;VKLAD;700.00;700.00;;;",
            "1;2;930102;PRIJEM;VKLAD;700.00;700.00;;;",
            "1;2;930101;VYDAJ;VKLAD;700.00;700.00;;;",
            "1;2;930101;PRIJEM;VKLAD;700.01;700.00;;;",
            "1;2;930101;PRIJEM;VKLAD;700.00;700.00;;;1",
            "1;2;930101;PRIJEM;VKLAD;700.00;700.00;;1;",
        ] {
            assert_ne!(row, id(other), "{other}");
        }
    }

    #[test]
    fn every_field_that_is_read_is_checked() {
        use RowError as E;
        for (line, expected) in [
            ("x;2;930101;PRIJEM;;1.00;;;;", E::TransId),
            (";2;930101;PRIJEM;;1.00;;;;", E::TransId),
            ("-1;2;930101;PRIJEM;;1.00;;;;", E::TransId),
            ("99999999999999999999;2;930101;PRIJEM;;1.00;;;;", E::TransId),
            ("1;;930101;PRIJEM;;1.00;;;;", E::AccountId(AccountIdError)),
            ("1;a b;930101;PRIJEM;;1.00;;;;", E::AccountId(AccountIdError)),
            ("1;2;931301;PRIJEM;;1.00;;;;", E::Date),
            ("1;2;930229;PRIJEM;;1.00;;;;", E::Date),
            ("1;2;19930101;PRIJEM;;1.00;;;;", E::Date),
            ("1;2;;PRIJEM;;1.00;;;;", E::Date),
            ("1;2;930101;prijem;;1.00;;;;", E::Type),
            ("1;2;930101;PRIJEM;;1,00;;;;", E::Amount(DecimalError::Form)),
            ("1;2;930101;PRIJEM;;-1.00;;;;", E::Amount(DecimalError::Form)),
            ("1;2;930101;PRIJEM;;1.005;;;;", E::Amount(DecimalError::Form)),
            ("1;2;930101;PRIJEM;;1e30;;;;", E::Amount(DecimalError::Form)),
            ("1;2;930101;PRIJEM;;92233720368547758.08;;;;", E::Amount(DecimalError::TooLarge)),
            ("1;2;930101;PRIJEM;;1.00;;;", E::Fields { fields: 9 }),
            ("1;2;930101;PRIJEM;;1.00;;;;;;", E::Fields { fields: 11 }),
            ("1;2;930101;\"PRIJEM;;1.00;;;;", E::OpenQuote),
            ("\0", E::Fields { fields: 1 }),
        ] {
            assert_eq!(parse(line), Err(expected), "{line}");
        }
    }

    #[test]
    fn leap_days_are_days_of_leap_years() {
        let date = |text| parse(&format!("1;2;{text};PRIJEM;;1.00;;;;")).map(|row| row.date);
        assert_eq!(date("960229"), Ok(NaiveDate::from_ymd_opt(1996, 2, 29).unwrap()));
        assert_eq!(date("950229"), Err(RowError::Date));
    }

    #[test]
    fn only_a_credit_opens_an_account() {
        let credit = parse("1;2;930101;PRIJEM;;1.00;;;;").unwrap();
        let debit = parse("1;2;930101;VYDAJ;;1.00;;;;").unwrap();
        let amount = Money::from_minor(100);
        assert!(matches!(credit.command(false), AccountCommand::OpenAccount { .. }));
        assert_eq!(credit.command(true), AccountCommand::DepositMoney { amount });
        assert_eq!(debit.command(false), AccountCommand::WithdrawMoney { amount });
    }
}
