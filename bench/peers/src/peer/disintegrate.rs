//! disintegrate with its PostgreSQL store, without snapshots.

pub(super) mod read_model;

use annals::BoxFuture;
use disintegrate::serde::json::Json;
use disintegrate::{
    Decision, DecisionError, EventSourcedStateStore, EventStore, LoadState, NoSnapshot,
    StateMutate, StateQuery, StreamItem, StreamQuery, query,
};
use disintegrate_postgres::{Error, PgDecisionMaker, PgEventId, PgEventStore, decision_maker};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::{Peer, count, is_lost_race, pool};
use crate::domain::{REFERENCE, Rejection};

type Store = PgEventStore<AccountEvent, Json<AccountEvent>>;

pub(super) struct Disintegrate {
    pool: PgPool,
    store: Store,
    maker: PgDecisionMaker<AccountEvent, Json<AccountEvent>, NoSnapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq, disintegrate::Event, Serialize, Deserialize)]
enum AccountEvent {
    AccountOpened {
        #[id]
        account_id: String,
        owner_name: String,
        initial_balance: i64,
    },
    MoneyDeposited {
        #[id]
        account_id: String,
        amount: i64,
        reference: String,
    },
}

#[derive(Debug, Default, Clone, StateQuery, Serialize, Deserialize)]
#[state_query(AccountEvent)]
struct Account {
    #[id]
    account_id: String,
    balance: i64,
    is_open: bool,
}

impl Account {
    fn new(account_id: &str) -> Self {
        Self { account_id: account_id.to_owned(), ..Self::default() }
    }
}

impl StateMutate for Account {
    fn mutate(&mut self, event: Self::Event) {
        match event {
            AccountEvent::AccountOpened { initial_balance, .. } => {
                self.balance = initial_balance;
                self.is_open = true;
            }
            AccountEvent::MoneyDeposited { amount, .. } => self.balance += amount,
        }
    }
}

struct Open {
    account_id: String,
}

impl Decision for Open {
    type Event = AccountEvent;
    type StateQuery = Account;
    type Error = Rejection;

    fn state_query(&self) -> Account {
        Account::new(&self.account_id)
    }

    fn process(&self, state: &Account) -> Result<Vec<AccountEvent>, Rejection> {
        if state.is_open {
            return Err(Rejection::AlreadyOpen);
        }
        Ok(vec![event(&self.account_id, 0)])
    }
}

struct Deposit {
    account_id: String,
    amount: i64,
}

impl Decision for Deposit {
    type Event = AccountEvent;
    type StateQuery = Account;
    type Error = Rejection;

    fn state_query(&self) -> Account {
        Account::new(&self.account_id)
    }

    fn process(&self, state: &Account) -> Result<Vec<AccountEvent>, Rejection> {
        if !state.is_open {
            return Err(Rejection::NotOpen);
        }
        state.balance.checked_add(self.amount).ok_or(Rejection::Overflow)?;
        Ok(vec![AccountEvent::MoneyDeposited {
            account_id: self.account_id.clone(),
            amount: self.amount,
            reference: REFERENCE.to_owned(),
        }])
    }
}

/// The event of a stream that has `before` events.
fn event(account_id: &str, before: u64) -> AccountEvent {
    let account_id = account_id.to_owned();
    if before == 0 {
        let owner_name = "Ada Lovelace".to_owned();
        AccountEvent::AccountOpened { account_id, owner_name, initial_balance: 0 }
    } else {
        let reference = REFERENCE.to_owned();
        AccountEvent::MoneyDeposited { account_id, amount: 100, reference }
    }
}

/// What came of a decision.
enum Made {
    Written,
    Rejected,
    Lost,
}

fn made<T>(outcome: Result<T, DecisionError<Rejection>>) -> anyhow::Result<Made> {
    match outcome {
        Ok(_) => Ok(Made::Written),
        Err(DecisionError::Domain(_)) => Ok(Made::Rejected),
        Err(DecisionError::StateStore(error) | DecisionError::EventStore(error)) => {
            match error.downcast_ref::<Error>() {
                Some(Error::Concurrency) => Ok(Made::Lost),
                Some(Error::Database(error)) if is_lost_race(error) => Ok(Made::Lost),
                _ => Err(anyhow::Error::from_boxed(error)),
            }
        }
    }
}

impl Disintegrate {
    pub(super) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = pool(url, size).await?;
        let store = PgEventStore::try_new(pool.clone(), Json::default()).await?;
        Ok(Self { pool, maker: decision_maker(store.clone(), NoSnapshot), store })
    }
}

impl Peer for Disintegrate {
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>> {
        Box::pin(async move {
            loop {
                match made(self.maker.make(Open { account_id: id.clone() }).await)? {
                    Made::Written => return Ok(true),
                    Made::Rejected => return Ok(false),
                    Made::Lost => {}
                }
            }
        })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            loop {
                let deposit = Deposit { account_id: id.clone(), amount: 100 };
                match made(self.maker.make(deposit).await)? {
                    Made::Written => return Ok(()),
                    Made::Rejected => anyhow::bail!("a deposit was rejected"),
                    Made::Lost => {}
                }
            }
        })
    }

    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let events: Vec<_> = (after..after + count).map(|before| event(&id, before)).collect();
            if after > 0 {
                self.store.append_without_validation(events).await?;
                return Ok(());
            }
            let query = query!(AccountEvent; account_id == id);
            while let Err(error) = self.store.append(events.clone(), query.clone(), 0).await {
                // Strangers make it fail as well: what is read is locked by the page.
                match error {
                    Error::Concurrency => {}
                    Error::Database(error) if is_lost_race(&error) => {}
                    error => return Err(error.into()),
                }
            }
            Ok(())
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move {
            let states = EventSourcedStateStore::new(self.store.clone(), NoSnapshot);
            let loaded = states.load(Account::new(&id)).await;
            Ok(loaded.map_err(anyhow::Error::from_boxed)?.state().balance)
        })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let query: StreamQuery<PgEventId, AccountEvent> = query!(AccountEvent);
            let mut events = self.store.stream(&query);
            let mut count = 0;
            while let Some(item) = events.try_next().await? {
                if let StreamItem::Event(event) = item {
                    std::hint::black_box(event);
                    count += 1;
                }
            }
            Ok(count)
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(count(&self.pool, "SELECT count(*) FROM event"))
    }
}
