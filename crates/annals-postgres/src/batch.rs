//! A draft as values of the statements that write it.

mod many;
mod one;

use tokio_postgres::types::ToSql;

use crate::draft::Draft;
use crate::page_query::Items;
use crate::statement::Statement;

use many::Many;
use one::One;

/// What is sent for a batch.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    append: Append<'a>,
    conditions: Option<Conditions>,
}

#[derive(Debug)]
enum Append<'a> {
    /// The simplest and, with a single caller, the usual kind.
    One(One<'a>),
    Many(Box<Many<'a>>),
}

/// The values of `check_conditions.sql`.
#[derive(Debug, Default)]
struct Conditions {
    numbers: Vec<i32>,
    after: Vec<i64>,
    are_needed: Vec<bool>,
    items: Items,
}

impl<'a> Batch<'a> {
    /// Writes what the draft says, if it holds.
    pub(crate) fn writing(draft: &Draft<'a>) -> Self {
        let append = match One::of(draft) {
            Some(one) => Append::One(one),
            None => Append::Many(Box::new(Many::writing(draft))),
        };
        Self { append, conditions: Conditions::of(draft) }
    }

    /// Looks up everything the draft mentions and writes nothing.
    pub(crate) fn looking(draft: &Draft<'a>) -> Self {
        let append = Append::Many(Box::new(Many::looking(draft)));
        Self { append, conditions: Conditions::of(draft) }
    }

    /// The statement that writes.
    pub(crate) fn statement(&self) -> Statement {
        match self.append {
            Append::One(_) => Statement::AppendOne,
            Append::Many(_) => Statement::Append,
        }
    }

    /// The values of that statement.
    pub(crate) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        match &self.append {
            Append::One(one) => one.values(),
            Append::Many(many) => many.values(),
        }
    }

    /// The values of the statement that checks query conditions, if there are any.
    pub(crate) fn condition_values(&self) -> Option<[&(dyn ToSql + Sync); 7]> {
        let Conditions { numbers, after, are_needed, items } = self.conditions.as_ref()?;
        let Items { tags, types, stream_types, stream_ids } = items;
        Some([numbers, after, are_needed, tags, types, stream_types, stream_ids])
    }
}

impl Conditions {
    fn of(draft: &Draft<'_>) -> Option<Self> {
        let mut conditions = Self::default();
        for (number, unless, is_needed) in draft.conditions() {
            for _ in 0..conditions.items.add(&unless.query) {
                conditions.numbers.push(int(number));
                conditions.after.push(unless.after.as_i64());
                conditions.are_needed.push(is_needed);
            }
        }
        (!conditions.numbers.is_empty()).then_some(conditions)
    }
}

/// Numbers within a batch, all of which are small.
fn int<T>(number: T) -> i32
where
    i32: TryFrom<T>,
    <i32 as TryFrom<T>>::Error: std::fmt::Debug,
{
    i32::try_from(number).expect("a batch is bounded far below 2^31")
}
