//! cqrs-es with postgres-es, as its user guide sets it up.

pub(super) mod read_model;

use annals::BoxFuture;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore, SerializedEvent};
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, DomainEvent, EventStore};
use postgres_es::{PostgresCqrs, PostgresEventRepository};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::{Peer, count, pool};
use crate::domain::{REFERENCE, Rejection};

pub(super) struct CqrsEs {
    pool: PgPool,
    cqrs: PostgresCqrs<Account>,
    store: PersistedEventStore<PostgresEventRepository, Account>,
    repository: PostgresEventRepository,
}

/// As its repository's `db/init.sql` creates it.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        aggregate_type text NOT NULL,
        aggregate_id text NOT NULL,
        sequence bigint CHECK (sequence >= 0) NOT NULL,
        event_type text NOT NULL,
        event_version text NOT NULL,
        payload json NOT NULL,
        metadata json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    )";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    balance: i64,
    is_open: bool,
}

enum Command {
    Open { owner_name: String },
    Deposit { amount: i64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    AccountOpened { owner_name: String, initial_balance: i64 },
    MoneyDeposited { amount: i64, reference: String },
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        match self {
            Self::AccountOpened { .. } => "account_opened".to_owned(),
            Self::MoneyDeposited { .. } => "money_deposited".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = Event;
    type Error = Rejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Rejection> {
        let event = match command {
            Command::Open { .. } if self.is_open => return Err(Rejection::AlreadyOpen),
            Command::Open { owner_name } => Event::AccountOpened { owner_name, initial_balance: 0 },
            Command::Deposit { .. } if !self.is_open => return Err(Rejection::NotOpen),
            Command::Deposit { amount } => {
                self.balance.checked_add(amount).ok_or(Rejection::Overflow)?;
                Event::MoneyDeposited { amount, reference: REFERENCE.to_owned() }
            }
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::AccountOpened { initial_balance, .. } => {
                self.balance = initial_balance;
                self.is_open = true;
            }
            Event::MoneyDeposited { amount, .. } => self.balance += amount,
        }
    }
}

impl CqrsEs {
    pub(super) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = pool(url, size).await?;
        sqlx::query(SCHEMA).execute(&pool).await?;
        let repository = || PostgresEventRepository::new(pool.clone());
        Ok(Self {
            cqrs: CqrsFramework::new(
                PersistedEventStore::new_event_store(repository()),
                Vec::new(),
                (),
            ),
            store: PersistedEventStore::new_event_store(repository()),
            repository: repository(),
            pool,
        })
    }

    /// Returns whether it was executed, or else rejected.
    async fn execute(&self, id: &str, command: impl Fn() -> Command) -> anyhow::Result<bool> {
        loop {
            match self.cqrs.execute(id, command()).await {
                Ok(()) => return Ok(true),
                Err(AggregateError::UserError(_)) => return Ok(false),
                Err(AggregateError::AggregateConflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Peer for CqrsEs {
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>> {
        let command = || Command::Open { owner_name: "Ada Lovelace".to_owned() };
        Box::pin(async move { self.execute(&id, command).await })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.execute(&id, || Command::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let mut events = Vec::new();
            for before in after..after + count {
                let event = if before == 0 {
                    Event::AccountOpened { owner_name: "Ada".to_owned(), initial_balance: 0 }
                } else {
                    Event::MoneyDeposited { amount: 100, reference: REFERENCE.to_owned() }
                };
                events.push(SerializedEvent::new(
                    id.clone(),
                    usize::try_from(before + 1)?,
                    Account::TYPE.to_owned(),
                    event.event_type(),
                    event.event_version(),
                    serde_json::to_value(&event)?,
                    serde_json::json!({}),
                ));
            }
            Ok(self.repository.persist::<Account>(&events, None).await?)
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move { Ok(self.store.load_aggregate(&id).await?.aggregate.balance) })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let mut events = self.repository.stream_all_events::<Account>().await?;
            let mut count = 0;
            while let Some(event) = events.next::<Account>(&[]).await {
                std::hint::black_box(event?);
                count += 1;
            }
            Ok(count)
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(count(&self.pool, "SELECT count(*) FROM events"))
    }
}
