//! What callers get to see: the same JSON over HTTP and on the command line.

use annals::{
    CommandId, ConsistencyToken, DomainEvent, EventEnvelope, EventId, Executed, History, Loaded,
    Metadata, Position, Sequence,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::account::{Account, AccountEvent, AccountId, OwnerName};
use crate::bank::BankError;
use crate::money::{CURRENCY, Money};

/// An account at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountAnswer {
    /// Which account.
    pub account_id: AccountId,
    /// Whose it is.
    pub owner_name: OwnerName,
    /// What is on it, in minor units.
    pub balance: Money,
    /// The currency of the balance.
    pub currency: &'static str,
    /// Whether it accepts deposits and withdrawals.
    pub is_active: bool,
    /// The last event that this takes into account.
    pub sequence: Sequence,
}

impl AccountAnswer {
    pub(super) fn new(id: &AccountId, loaded: &Loaded<Account>) -> Self {
        Self {
            account_id: id.clone(),
            owner_name: loaded.state.owner_name().cloned().unwrap_or_default(),
            balance: loaded.state.balance(),
            currency: CURRENCY,
            is_active: loaded.state.is_active(),
            sequence: loaded.sequence,
        }
    }
}

/// What a command led to.
#[derive(Debug, Serialize)]
pub struct CommandAnswer {
    /// The account after it.
    #[serde(flatten)]
    pub account: AccountAnswer,
    /// The position of its last event in the log.
    pub position: Position,
    /// Presented to a query, it is answered only from read models that know of this.
    pub consistency_token: ConsistencyToken,
    /// What the command is called; to repeat it without a second effect.
    pub command_id: CommandId,
    /// It had been executed before, and this is the answer from then.
    pub repeated: bool,
    /// What happened.
    pub events: Vec<DecidedEvent>,
}

/// An event just decided.
#[derive(Debug, Serialize)]
pub struct DecidedEvent {
    /// Its stable name.
    pub event_type: &'static str,
    /// Its fields.
    pub payload: Box<RawValue>,
}

impl CommandAnswer {
    pub(super) fn new(
        account: AccountAnswer,
        executed: &Executed<AccountEvent>,
    ) -> Result<Self, BankError> {
        let decided = |event: &AccountEvent| {
            Ok(DecidedEvent { event_type: event.kind().name, payload: payload(event)? })
        };
        Ok(Self {
            account,
            position: executed.position,
            consistency_token: executed.token,
            command_id: executed.command_id,
            repeated: executed.repeated,
            events: executed.events.iter().map(decided).collect::<Result<_, BankError>>()?,
        })
    }
}

/// A page of what happened to an account.
#[derive(Debug, Serialize)]
pub struct HistoryAnswer {
    /// Which account.
    pub account_id: AccountId,
    /// What happened, oldest first.
    pub events: Vec<EventAnswer>,
    /// Whether there is more after the last of them.
    pub has_more: bool,
}

/// An event as it stands in the log.
#[derive(Debug, Serialize)]
pub struct EventAnswer {
    /// Its place in the account's history.
    pub sequence: Sequence,
    /// Its place in the log.
    pub position: Position,
    /// Its id.
    pub event_id: EventId,
    /// Its stable name.
    pub event_type: &'static str,
    /// When the log took it.
    pub timestamp: DateTime<Utc>,
    /// Its fields.
    pub payload: Box<RawValue>,
    /// What caused it, and in which conversation.
    pub metadata: Metadata,
}

impl HistoryAnswer {
    pub(super) fn new(id: &AccountId, page: &History<AccountEvent>) -> Result<Self, BankError> {
        let events = page.events.iter().map(EventAnswer::new).collect::<Result<_, _>>()?;
        Ok(Self { account_id: id.clone(), events, has_more: page.has_more })
    }
}

impl EventAnswer {
    fn new(envelope: &EventEnvelope<AccountEvent>) -> Result<Self, BankError> {
        Ok(Self {
            sequence: envelope.sequence,
            position: envelope.position,
            event_id: envelope.event_id,
            event_type: envelope.event.kind().name,
            timestamp: envelope.timestamp,
            payload: payload(&envelope.event)?,
            metadata: envelope.metadata.clone(),
        })
    }
}

fn payload(event: &AccountEvent) -> Result<Box<RawValue>, BankError> {
    let text = event.write_payload().and_then(RawValue::from_string);
    text.map_err(|error| BankError::Internal(error.into()))
}
