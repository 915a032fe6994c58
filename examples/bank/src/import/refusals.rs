//! The rows of imports that a rule refused, for each account.

use std::collections::BTreeMap;
use std::convert::Infallible;

use annals::{Aggregate, CommandId, DomainEvent};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::import::Row;
use crate::money::Money;
use crate::services::BankServices;

/// Which rows were refused for one account, and why.
///
/// A refusal is a fact like any other: without it a second import would decide the row again, on
/// the balance of that later day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRefusals {
    reasons: BTreeMap<CommandId, String>,
}

/// Records that a row was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefuseRow {
    /// The row.
    pub row: Row,
    /// The code of the rule that refused it.
    pub reason: &'static str,
}

/// What can happen to the rows of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
pub enum ImportEvent {
    /// A row was refused.
    RowRefused {
        /// The command id that comes with the row's content.
        row_id: CommandId,
        /// The bank's own number of the transaction.
        trans_id: u64,
        /// When it was made, as the file says.
        date: NaiveDate,
        /// How much it was about.
        amount: Money,
        /// The code of the rule that refused it.
        reason: String,
        /// When it was refused.
        refused_at: DateTime<Utc>,
    },
}

impl ImportRefusals {
    /// Why a row was refused, if it was.
    #[must_use]
    pub fn reason(&self, row_id: CommandId) -> Option<&str> {
        self.reasons.get(&row_id).map(String::as_str)
    }
}

impl Aggregate for ImportRefusals {
    const TYPE: &'static str = "import_refusals";

    type Id = AccountId;
    type Command = RefuseRow;
    type Event = ImportEvent;
    type Error = Infallible;
    type Services = BankServices;

    fn handle(
        &self,
        RefuseRow { row, reason }: RefuseRow,
        services: &BankServices,
    ) -> Result<Vec<ImportEvent>, Infallible> {
        if self.reasons.contains_key(&row.id) {
            return Ok(Vec::new());
        }
        Ok(vec![ImportEvent::RowRefused {
            row_id: row.id,
            trans_id: row.trans_id,
            date: row.date,
            amount: row.amount,
            reason: reason.to_owned(),
            refused_at: services.clock.now(),
        }])
    }

    fn apply(&mut self, event: &ImportEvent) {
        let ImportEvent::RowRefused { row_id, reason, .. } = event;
        self.reasons.insert(*row_id, reason.clone());
    }
}
