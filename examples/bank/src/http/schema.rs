//! The shapes of requests and answers, for OpenAPI.
//!
//! The domain and its answers do not know OpenAPI. A test compares what the service really answers
//! with these shapes, field by field.

pub(super) use annals_http::CommandProblems;
use annals_http::ProblemBody;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoResponses, OpenApi, PartialSchema, ToSchema};
use uuid::Uuid;

/// What the API is.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Annals bank",
        description = "Accounts that remember everything that happened to them.\n\n\
            Amounts are whole minor units of the currency. An `Idempotency-Key` makes a request \
            safe to repeat; `If-Match` with the `ETag` of an account makes a command depend on it. \
            A query that presents the `Consistency-Token` of a command knows of that command.",
        license(name = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "accounts", description = "Accounts as they are, and commands that change them"),
        (name = "queries", description = "Read models"),
        (name = "transfers", description = "Money from one account to another"),
        (name = "feed", description = "What happens, as it happens"),
        (name = "admin", description = "Looking after the service"),
        (name = "health", description = "Whether the service lives, and can do its work"),
    ),
)]
pub(super) struct BankApi;

/// An amount or a balance in minor units: an integer, or text beyond 2^53, where some readers of
/// JSON lose digits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Amount;

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let integer = ObjectBuilder::new().schema_type(Type::Integer);
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^-?[0-9]+$"));
        let description = "Minor units: an integer, or text beyond 2^53";
        OneOfBuilder::new().item(integer).item(text).description(Some(description)).into()
    }
}

impl ToSchema for Amount {}

macro_rules! shapes {
    ($(
        $(#[$docs:meta])*
        $name:ident as $schema:ident { $($(#[$field_docs:meta])* $field:ident: $type:ty,)* }
    )*) => {
        $(
            #[derive(Debug, ToSchema)]
            $(#[$docs])*
            #[schema(as = $schema)]
            #[expect(dead_code, reason = "only described")]
            pub(super) struct $name { $($(#[$field_docs])* $field: $type,)* }
        )*
    };
}

shapes! {
    /// What an account is opened with.
    #[serde(deny_unknown_fields)]
    OpenAccountShape as OpenAccount {
        /// Its name, 1 to 64 of A-Z a-z 0-9 and the hyphen; one is made up if it is left out.
        #[schema(nullable = false, pattern = "^[A-Za-z0-9-]{1,64}$")]
        account_id: Option<String>,
        /// Whose it is: 1 to 200 characters, none of them a control character.
        #[schema(pattern = r"^[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]{0,199}$")]
        owner_name: String,
        /// What is on it to begin with, in minor units.
        #[schema(minimum = 0)]
        initial_balance: i64,
    }
    /// How much.
    #[serde(deny_unknown_fields)]
    AmountShape as AmountBody {
        /// In minor units.
        #[schema(minimum = 1)]
        amount: i64,
    }
    /// An account at a moment.
    AccountShape as Account {
        /// Which account.
        account_id: String,
        /// Whose it is.
        owner_name: String,
        /// What is on it.
        balance: Amount,
        /// The currency of the balance.
        currency: String,
        /// Whether it accepts deposits and withdrawals.
        is_active: bool,
        /// The last event that this takes into account.
        sequence: u64,
    }
    /// What a command led to.
    CommandShape as CommandOutcome {
        /// Which account.
        account_id: String,
        /// Whose it is.
        owner_name: String,
        /// What is on it after the command.
        balance: Amount,
        /// The currency of the balance.
        currency: String,
        /// Whether it accepts deposits and withdrawals.
        is_active: bool,
        /// The last event of the command.
        sequence: u64,
        /// The position of its last event in the log.
        position: u64,
        /// Presented to a query, it is answered only from read models that know of this.
        consistency_token: String,
        /// What the command is called.
        command_id: Uuid,
        /// It had been executed before, and this is the answer from then.
        repeated: bool,
        /// What happened.
        events: Vec<DecidedShape>,
    }
    /// An event just decided.
    DecidedShape as DecidedEvent {
        /// Its stable name.
        event_type: String,
        /// Its fields.
        payload: Value,
    }
    /// A page of what happened to an account.
    HistoryShape as History {
        /// Which account.
        account_id: String,
        /// What happened, oldest first.
        events: Vec<HistoryEventShape>,
        /// Whether there is more after the last of them.
        has_more: bool,
        /// The address of the next page, if there is one.
        #[schema(required)]
        next: Option<String>,
    }
    /// An event of an account.
    HistoryEventShape as HistoryEvent {
        /// Its place in the account's history.
        sequence: u64,
        /// Its place in the log.
        position: u64,
        /// Its id.
        event_id: Uuid,
        /// Its stable name.
        event_type: String,
        /// When the log took it.
        timestamp: DateTime<Utc>,
        /// Its fields.
        payload: Value,
        /// What caused it, and in which conversation.
        metadata: Value,
    }
    /// An account as queries see it.
    SummaryShape as AccountSummary {
        /// Which account.
        account_id: String,
        /// Whose it is.
        owner_name: String,
        /// What is on it.
        balance: Amount,
        /// The currency of the balance.
        currency: String,
        /// Whether it accepts deposits and withdrawals.
        is_active: bool,
        /// When it was opened.
        created_at: DateTime<Utc>,
        /// When something last happened to it.
        updated_at: DateTime<Utc>,
    }
    /// An account as queries see it, and how new that is.
    SummaryAnswerShape as AccountSummaryAnswer {
        /// Which account.
        account_id: String,
        /// Whose it is.
        owner_name: String,
        /// What is on it.
        balance: Amount,
        /// The currency of the balance.
        currency: String,
        /// Whether it accepts deposits and withdrawals.
        is_active: bool,
        /// When it was opened.
        created_at: DateTime<Utc>,
        /// When something last happened to it.
        updated_at: DateTime<Utc>,
        /// All events up to here are taken into account.
        position: u64,
        /// Presented to another query, it is not answered from anything older.
        consistency_token: String,
    }
    /// A page of accounts.
    AccountsShape as AccountsPage {
        /// Accounts that are active, newest first.
        accounts: Vec<SummaryShape>,
        /// The `after` of the next page.
        #[schema(required)]
        next_after: Option<String>,
        /// All events up to here are taken into account.
        position: u64,
        /// Presented to another query, it is not answered from anything older.
        consistency_token: String,
        /// The address of the next page, if there is one.
        #[schema(required)]
        next: Option<String>,
    }
    /// All accounts in use, taken together.
    TotalShape as ActiveTotal {
        /// What is on them.
        balance: Amount,
        /// The currency of the balance.
        currency: String,
        /// How many there are.
        accounts: i64,
        /// All events up to here are taken into account.
        position: u64,
        /// Presented to another query, it is not answered from anything older.
        consistency_token: String,
    }
    /// A month of an account, taken together.
    MonthShape as MonthTotals {
        /// Which one, such as `2026-01`.
        period: String,
        /// What was on the account when it began.
        opening_balance: Amount,
        /// What was on it after the last entry.
        closing_balance: Amount,
        /// How many entries there are.
        entry_count: u64,
        /// The sequence of the last of them.
        last_sequence: u64,
    }
    /// A page of the months in which something moved.
    StatementsShape as StatementsPage {
        /// Which account.
        account_id: String,
        /// The currency of all balances.
        currency: String,
        /// Months, newest first.
        periods: Vec<MonthShape>,
        /// The `after` of the next page.
        #[schema(required)]
        next_after: Option<String>,
        /// All events up to here are taken into account.
        position: u64,
        /// Presented to another query, it is not answered from anything older.
        consistency_token: String,
        /// The address of the next page, if there is one.
        #[schema(required)]
        next: Option<String>,
    }
    /// A page of what moved in a month.
    StatementShape as Statement {
        /// Which account.
        account_id: String,
        /// The currency of all amounts.
        currency: String,
        /// Which month.
        period: String,
        /// What was on the account when it began.
        opening_balance: Amount,
        /// What was on it after the last entry.
        closing_balance: Amount,
        /// How many entries there are.
        entry_count: u64,
        /// The sequence of the last of them.
        last_sequence: u64,
        /// Its entries, oldest first.
        entries: Vec<EntryShape>,
        /// Whether there are more after the last of them.
        has_more: bool,
        /// All events up to here are taken into account.
        position: u64,
        /// Presented to another query, it is not answered from anything older.
        consistency_token: String,
        /// The address of the next page, if there is one.
        #[schema(required)]
        next: Option<String>,
    }
    /// Something that happened to an account.
    EntryShape as StatementEntry {
        /// Its place in the account's history.
        sequence: u64,
        /// When the log took it.
        at: DateTime<Utc>,
        /// What it is: opening, deposit, withdrawal or closing.
        kind: String,
        /// By how much the balance changed.
        amount: Amount,
        /// What was on the account then.
        balance: Amount,
        /// For which transfer it moved.
        #[schema(nullable = false)]
        transfer_id: Option<Uuid>,
    }
    /// What is to move.
    #[serde(deny_unknown_fields)]
    AskTransferShape as AskTransfer {
        /// What to call it; a name is made up if it is left out.
        #[schema(nullable = false)]
        transfer_id: Option<Uuid>,
        /// From which account.
        #[schema(pattern = "^[A-Za-z0-9-]{1,64}$")]
        from_account_id: String,
        /// To which account.
        #[schema(pattern = "^[A-Za-z0-9-]{1,64}$")]
        to_account_id: String,
        /// How much, in minor units.
        #[schema(minimum = 1)]
        amount: i64,
        /// In which way; by the saga if it is left out.
        #[schema(nullable = false)]
        mode: Option<ModeShape>,
    }
    /// A transfer, and what happened to it.
    TransferShape as Transfer {
        /// Which transfer.
        transfer_id: Uuid,
        /// From which account.
        from_account_id: String,
        /// To which account.
        to_account_id: String,
        /// How much.
        amount: Amount,
        /// The currency of all amounts.
        currency: String,
        /// In which way.
        mode: ModeShape,
        /// Where it stands.
        state: TransferStateShape,
        /// Why it failed or was abandoned.
        #[schema(nullable = false)]
        failure: Option<FailureShape>,
        /// What it needs an operator for.
        #[schema(nullable = false)]
        waiting_for: Option<WaitingShape>,
        /// What has left one account and not arrived on another.
        in_flight: Amount,
        /// What happened, oldest first.
        timeline: Vec<TransferEntryShape>,
        /// All events up to here are taken into account.
        position: u64,
        /// Presented to a query, it is answered only from read models that know of this.
        consistency_token: String,
    }
    /// Why a transfer failed.
    FailureShape as TransferFailure {
        /// The stable name of the rule that forbade it.
        code: String,
        /// What stood in the way.
        reason: String,
    }
    /// What a transfer needs an operator for.
    WaitingShape as WaitingFor {
        /// What cannot be done.
        step: String,
        /// Why.
        error: String,
        /// Since when it is known.
        since: DateTime<Utc>,
        /// How often it was tried.
        attempts: u32,
    }
    /// Something that happened to a transfer.
    TransferEntryShape as TransferEntry {
        /// Its place in the log.
        position: u64,
        /// When the log took it.
        at: DateTime<Utc>,
        /// Where it is recorded.
        stream: StreamShape,
        /// Its stable name.
        event_type: String,
        /// In words.
        text: String,
        /// What caused it, who asked for it, and in which conversation.
        metadata: Value,
    }
    /// Names a stream.
    StreamShape as StreamId {
        /// What kind of aggregate it is.
        aggregate_type: String,
        /// Which aggregate.
        aggregate_id: String,
    }
}

/// In which way a transfer is made.
#[derive(Debug, ToSchema)]
#[schema(as = Mode, rename_all = "snake_case")]
#[expect(dead_code, reason = "only described")]
pub(super) enum ModeShape {
    Saga,
    Instant,
}

/// Where a transfer stands.
#[derive(Debug, ToSchema)]
#[schema(as = TransferState, rename_all = "snake_case")]
#[expect(dead_code, reason = "only described")]
pub(super) enum TransferStateShape {
    Requested,
    Completed,
    Failed,
    NeedsOperator,
    Abandoned,
}

/// A part of the path or a parameter is not understood
#[derive(Debug, IntoResponses)]
#[response(status = 400, content_type = "application/problem+json")]
#[expect(dead_code, reason = "only described")]
pub(super) struct Malformed(ProblemBody<'static>);

/// What it is about does not exist, or did not then
#[derive(Debug, IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[expect(dead_code, reason = "only described")]
pub(super) struct NotFound(ProblemBody<'static>);

/// The consistency token is about another log
#[derive(Debug, IntoResponses)]
#[response(status = 412, content_type = "application/problem+json")]
#[expect(dead_code, reason = "only described")]
pub(super) struct OtherLog(ProblemBody<'static>);
