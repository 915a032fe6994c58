//! Whether a long log is as fast as a short one: the same work on two logs that differ only in
//! how much is in them, for each kind of condition.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use annals::postgres::{PostgresOptions, PostgresStore, migrate};
use annals::{
    App, Decision, DomainEvent, EventEnvelope, EventQuery, EventStore, EventType, ExecuteError,
    LimitError, QueryItem, StreamId, Tag,
};
use anyhow::ensure;
use serde::{Deserialize, Serialize};

use crate::Arguments;
use crate::clients::{self, Call, account_id};
use crate::database;
use crate::domain::{Account, Command, REFERENCE};

/// What the long log is compared with.
const SHORT: u64 = 100_000;

/// Events of each account before the clock starts.
const ACCOUNT_EVENTS: u64 = 10;

/// Accounts that are worked with, spread evenly over the log: as many in both.
const ACCOUNTS: u64 = 10_000;

const CLIENTS: usize = 64;

/// Rows written by one statement, so that one transaction does not hold all of them.
const FILL_ROWS: u64 = 500_000;

/// Writes the rows that as many commands would have led to.
const FILL: &str = r#"
    WITH filled AS (
        SELECT
            position,
            (position - 1) / $3 + 1 AS sequence,
            'a1b2c3d4-0000-4000-8000-' || lpad(((position - 1) % $3)::text, 12, '0') AS account
        FROM generate_series($1::bigint, $2::bigint) AS position
    ),
    event AS (
        INSERT INTO annals.event (
            position, sequence, timestamp, event_id, event_version, aggregate_type, aggregate_id,
            event_type, payload, metadata, tags
        )
        SELECT
            position,
            sequence,
            '2026-01-01T00:00:00Z'::timestamptz + position * interval '1 millisecond',
            lpad(to_hex(position), 32, '0')::uuid,
            1,
            'account',
            account,
            CASE sequence WHEN 1 THEN 'account_opened' ELSE 'money_deposited' END,
            CASE sequence
                WHEN 1 THEN json_build_object('owner_name', 'Ada Lovelace', 'initial_balance', 0)
                ELSE json_build_object('account', account, 'amount', 100, 'reference', $4::text)
            END,
            '{}',
            ARRAY['account:' || account]
        FROM filled
    ),
    command AS (
        INSERT INTO annals.command (first_position, count, command_id)
        SELECT position, 1, lpad(to_hex(position), 32, '0')::uuid FROM filled
    )
    INSERT INTO annals.event_tag (position, tag, event_type)
    SELECT
        position,
        'account:' || account,
        CASE sequence WHEN 1 THEN 'account_opened' ELSE 'money_deposited' END
    FROM filled"#;

/// What clients do, by the name of its row.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// A command under the condition that the stream ends with the event the state ends with.
    Sequence,
    /// A decision on what carries a tag, under the condition that nothing more does.
    Query,
}

const WORK: [(&str, Work); 2] =
    [("64 clients, a sequence each", Work::Sequence), ("64 clients, a query each", Work::Query)];

/// One log, with an application on it.
struct Log {
    events: u64,
    app: App<()>,
}

impl Log {
    /// An account of the log, by its number among those that are worked with.
    fn account(&self, number: u64) -> String {
        let step = (self.events / ACCOUNT_EVENTS / ACCOUNTS).max(1);
        account_id(usize::try_from(number * step).unwrap_or(0))
    }

    async fn work(&self, work: Work, random: u64) -> anyhow::Result<()> {
        let account = self.account(random % ACCOUNTS);
        match work {
            Work::Sequence => {
                self.app.execute::<Account>(&account, Command::Deposit { amount: 100 }).await?;
            }
            Work::Query => loop {
                match self.app.decide(Deposit { account: account.clone() }).await {
                    Ok(_) => break,
                    Err(ExecuteError::Contention { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            },
        }
        Ok(())
    }
}

/// A deposit decided on everything that carries the account's tag, written to a stream beside it.
struct Deposit {
    account: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, DomainEvent)]
enum Deposited {
    MoneyDeposited {
        #[tag]
        account: String,
        amount: i64,
        reference: String,
    },
}

impl Decision for Deposit {
    type Event = Deposited;
    type State = i64;
    type Error = std::convert::Infallible;
    type Services = ();

    fn query(&self) -> Result<EventQuery, LimitError> {
        let item = QueryItem::new().event_type(EventType::new("money_deposited")?);
        EventQuery::any_of([item.tag(Tag::new("account", &self.account)?)])
    }

    fn apply(&self, balance: &mut i64, event: &EventEnvelope<Deposited>) {
        let Deposited::MoneyDeposited { amount, .. } = &event.event;
        *balance += amount;
    }

    fn decide(&self, _: &i64, (): &()) -> Result<Vec<(StreamId, Deposited)>, Self::Error> {
        let stream = StreamId::new("deposit", &*self.account).expect("it is an account's id");
        let (account, reference) = (self.account.clone(), REFERENCE.to_owned());
        Ok(vec![(stream, Deposited::MoneyDeposited { account, amount: 100, reference })])
    }
}

/// Rates on the short and on the long log.
#[derive(Debug)]
pub(crate) struct Lengths {
    long: u64,
    rows: Vec<(&'static str, Vec<f64>, Vec<f64>)>,
}

pub(crate) async fn measure(arguments: &Arguments, long: u64) -> anyhow::Result<Lengths> {
    ensure!(long >= SHORT, "a long log has at least {SHORT} events");
    let short_log = open(&arguments.url, "annals_bench_short", SHORT).await?;
    let long_log = open(&arguments.url, "annals_bench_long", long).await?;
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut rows: Vec<_> = WORK.iter().map(|(name, _)| (*name, Vec::new(), Vec::new())).collect();
    // What is compared is a long log with a short one, not one on the disk with one in memory: each
    // account is worked with once before the clock starts.
    for (name, work) in WORK {
        eprintln!("all accounts once: {name}");
        for log in [&short_log, &long_log] {
            clients::run_once_each(usize::try_from(ACCOUNTS)?, once(log, work)).await?;
        }
    }
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for ((_, work), (_, short, long)) in WORK.into_iter().zip(&mut rows) {
            for (log, rates) in [(&short_log, short), (&long_log, long)] {
                let before = log.app.store().head().await?.get();
                let figures = clients::run(CLIENTS, time, call(log, work)).await?;
                let written = log.app.store().head().await?.get() - before;
                ensure!(
                    written == figures.calls,
                    "{} acknowledged, {written} written",
                    figures.calls
                );
                rates.push(figures.per_second);
            }
        }
    }
    drop((short_log, long_log));
    database::remove(&arguments.url, "annals_bench_short").await?;
    database::remove(&arguments.url, "annals_bench_long").await?;
    Ok(Lengths { long, rows })
}

fn call(log: &Arc<Log>, work: Work) -> Call {
    let log = Arc::clone(log);
    Arc::new(move |_, random| {
        let log = Arc::clone(&log);
        Box::pin(async move { log.work(work, random).await })
    })
}

fn once(log: &Arc<Log>, work: Work) -> Call {
    let log = Arc::clone(log);
    Arc::new(move |number, _| {
        let log = Arc::clone(&log);
        Box::pin(async move { log.work(work, number as u64).await })
    })
}

/// A log with this many events.
async fn open(server: &str, name: &str, events: u64) -> anyhow::Result<Arc<Log>> {
    let url = database::create(server, name).await?;
    migrate(&PostgresOptions::from_url(&url)?).await?;
    let client = database::connect(&url).await?;
    let accounts = i64::try_from(events / ACCOUNT_EVENTS)?;
    for first in (0..events).step_by(usize::try_from(FILL_ROWS)?) {
        let last = (first + FILL_ROWS).min(events);
        eprintln!("{name}: {last} of {events} events");
        let (first, last) = (i64::try_from(first + 1)?, i64::try_from(last)?);
        client.execute(FILL, &[&first, &last, &accounts, &REFERENCE]).await?;
    }
    client.batch_execute("VACUUM (ANALYZE)").await?;
    client.batch_execute("CHECKPOINT").await?;
    let store = PostgresStore::open(PostgresOptions::from_url(&url)?).await?;
    Ok(Arc::new(Log { events, app: App::new(Arc::new(store), ()) }))
}

impl fmt::Display for Lengths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:28} | {SHORT:>9} | {:>9} | share", "events in the log", self.long)?;
        for (name, short, long) in &self.rows {
            let (short, long) = (median(short), median(long));
            let share = 100.0 * long / short;
            writeln!(formatter, "{name:28} | {short:>7.0}/s | {long:>7.0}/s | {share:.0}%")?;
        }
        Ok(())
    }
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
