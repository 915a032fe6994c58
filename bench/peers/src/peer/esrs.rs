//! esrs (event_sourcing.rs), with its optimistic way of loading.
//!
//! Its pessimistic way holds a connection while it waits for another: with more clients than
//! connections it would wait for itself.

pub(super) mod read_model;

use annals::BoxFuture;
use esrs::manager::AggregateManager;
use esrs::store::EventStore;
use esrs::store::postgres::{PgStore, PgStoreBuilder, PgStoreError};
use esrs::{Aggregate, AggregateState};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Peer, count, is_lost_race, pool};
use crate::domain::{REFERENCE, Rejection};

pub(super) struct Esrs {
    pool: PgPool,
    store: PgStore<Account>,
    manager: AggregateManager<PgStore<Account>>,
}

struct Account;

#[derive(Debug, Default)]
struct State {
    balance: i64,
    is_open: bool,
}

#[derive(Clone)]
enum Command {
    Open { owner_name: String },
    Deposit { amount: i64 },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Event {
    AccountOpened { owner_name: String, initial_balance: i64 },
    MoneyDeposited { amount: i64, reference: String },
}

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Rejection;

    fn handle_command(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Open { .. } if state.is_open => Err(Rejection::AlreadyOpen),
            Command::Open { owner_name } => {
                Ok(vec![Event::AccountOpened { owner_name, initial_balance: 0 }])
            }
            Command::Deposit { .. } if !state.is_open => Err(Rejection::NotOpen),
            Command::Deposit { amount } => {
                state.balance.checked_add(amount).ok_or(Rejection::Overflow)?;
                Ok(vec![Event::MoneyDeposited { amount, reference: REFERENCE.to_owned() }])
            }
        }
    }

    fn apply_event(mut state: State, event: Event) -> State {
        match event {
            Event::AccountOpened { initial_balance, .. } => {
                state.balance = initial_balance;
                state.is_open = true;
            }
            Event::MoneyDeposited { amount, .. } => state.balance += amount,
        }
        state
    }
}

impl Esrs {
    pub(super) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = pool(url, size).await?;
        let store: PgStore<Account> = PgStoreBuilder::new(pool.clone()).try_build().await?;
        Ok(Self { pool, manager: AggregateManager::new(store.clone()), store })
    }

    /// Returns whether it was executed, or else rejected.
    async fn execute(&self, id: &str, command: Command) -> anyhow::Result<bool> {
        let id = Uuid::parse_str(id)?;
        loop {
            let state = self.manager.load(id).await?;
            let state = state.unwrap_or_else(|| AggregateState::with_id(id));
            match self.manager.handle_command(state, command.clone()).await {
                Ok(decided) => return Ok(decided.is_ok()),
                Err(PgStoreError::Sqlx(error)) if is_lost_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Peer for Esrs {
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>> {
        let command = Command::Open { owner_name: "Ada Lovelace".to_owned() };
        Box::pin(async move { self.execute(&id, command).await })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.execute(&id, Command::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let mut state = AggregateState::with_id(Uuid::parse_str(&id)?);
            for _ in 0..after {
                state.next_sequence_number();
            }
            let event = |before| match before {
                0 => Event::AccountOpened { owner_name: "Ada".to_owned(), initial_balance: 0 },
                _ => Event::MoneyDeposited { amount: 100, reference: REFERENCE.to_owned() },
            };
            let events = (after..after + count).map(event).collect();
            self.store.persist(&mut state, events).await?;
            Ok(())
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move {
            let loaded = self.manager.load(Uuid::parse_str(&id)?).await?;
            Ok(loaded.map_or(0, |state| state.inner().balance))
        })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let mut events = self.store.stream_events(&self.pool);
            let mut count = 0;
            while let Some(event) = events.try_next().await? {
                std::hint::black_box(event);
                count += 1;
            }
            Ok(count)
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(count(&self.pool, "SELECT count(*) FROM account_events"))
    }
}
