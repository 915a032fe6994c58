//! mire on PostgreSQL.

pub(super) mod read_model;

use annals::BoxFuture;
use mire::{
    Aggregate, Command, CommandError, Event, EventData, EventStore, EventStoreError,
    ExpectedVersion,
};
use serde::{Deserialize, Serialize};
use sqlx_0_9::postgres::PgPoolOptions;

use super::Peer;
use crate::domain::{REFERENCE, Rejection};

pub(super) struct Mire {
    store: EventStore,
}

/// Events of a page of the scan.
const PAGE_EVENTS: i64 = 2_000;

#[derive(Debug, Clone, Serialize, Deserialize, EventData)]
#[serde(tag = "type")]
#[mire(entity = "account")]
enum AccountEvent {
    Opened { owner_name: String, initial_balance: i64 },
    Deposited { amount: i64, reference: String },
}

#[derive(Debug, Default)]
struct Account {
    balance: i64,
    is_open: bool,
}

impl Aggregate for Account {
    type Event = AccountEvent;

    fn stream_category() -> &'static str {
        "account"
    }

    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { initial_balance, .. } => {
                self.balance = *initial_balance;
                self.is_open = true;
            }
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
        }
    }
}

#[derive(Clone)]
enum AccountCommand {
    Open { owner_name: String },
    Deposit { amount: i64 },
}

impl Command for AccountCommand {
    type Aggregate = Account;
    type Error = Rejection;
    type Events = [AccountEvent; 1];

    fn handle(self, account: &Account) -> Result<[AccountEvent; 1], Rejection> {
        match self {
            Self::Open { .. } if account.is_open => Err(Rejection::AlreadyOpen),
            Self::Open { owner_name } => {
                Ok([AccountEvent::Opened { owner_name, initial_balance: 0 }])
            }
            Self::Deposit { .. } if !account.is_open => Err(Rejection::NotOpen),
            Self::Deposit { amount } => {
                account.balance.checked_add(amount).ok_or(Rejection::Overflow)?;
                Ok([AccountEvent::Deposited { amount, reference: REFERENCE.to_owned() }])
            }
        }
    }
}

impl Mire {
    pub(super) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(size).connect(url).await?;
        let store = EventStore::new(pool);
        store.migrate().await?;
        Ok(Self { store })
    }

    /// Returns whether it was executed, or else rejected.
    async fn execute(&self, id: &str, command: AccountCommand) -> anyhow::Result<bool> {
        let accounts = self.store.repository::<Account>();
        loop {
            match accounts.send(id, command.clone()).await {
                Ok(_) => return Ok(true),
                Err(CommandError::Rejected(_)) => return Ok(false),
                Err(CommandError::Store(EventStoreError::ConcurrencyConflict { .. })) => {}
                Err(CommandError::Store(error)) => return Err(error.into()),
            }
        }
    }
}

impl Peer for Mire {
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>> {
        let command = AccountCommand::Open { owner_name: "Ada Lovelace".to_owned() };
        Box::pin(async move { self.execute(&id, command).await })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.execute(&id, AccountCommand::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let event = |before| match before {
                0 => AccountEvent::Opened { owner_name: "Ada".to_owned(), initial_balance: 0 },
                _ => AccountEvent::Deposited { amount: 100, reference: REFERENCE.to_owned() },
            };
            let events: Vec<_> = (after..after + count).map(event).map(Event::new).collect();
            let expected = match after {
                0 => ExpectedVersion::NoStream,
                _ => ExpectedVersion::Exact(after.try_into()?),
            };
            let stream = format!("account-{id}");
            self.store.append(&stream, "account", expected, &events).await?;
            Ok(())
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move {
            let loaded = self.store.load::<Account>(&id).await?;
            Ok(loaded.map_or(0, |account| account.state.balance))
        })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let (mut after, mut count) = ((0, 0), 0);
            loop {
                let page = self.store.read_all_after(after.0, after.1, PAGE_EVENTS).await?;
                let Some(last) = page.last() else { return Ok(count) };
                after = (last.transaction_id, last.global_position);
                for recorded in page {
                    let event: AccountEvent = serde_json::from_value(recorded.data)?;
                    std::hint::black_box(event);
                    count += 1;
                }
            }
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let count: i64 = sqlx_0_9::query_scalar("SELECT count(*) FROM es_events")
                .fetch_one(self.store.pool())
                .await?;
            Ok(count.try_into()?)
        })
    }
}
