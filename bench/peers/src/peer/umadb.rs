//! UmaDB: a server of its own beside PostgreSQL, on the same disk.

use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use annals::{Aggregate, BoxFuture, DomainEvent};
use anyhow::{Context, bail};
use futures_util::StreamExt;
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{
    DcbAppendCondition, DcbError, DcbEvent, DcbEventStoreAsync, DcbQuery, DcbQueryItem,
};
use uuid::Uuid;

use super::{Peer, event};
use crate::domain::{Account, Command, Event};

/// How long the server may take to answer.
const START_MAX: Duration = Duration::from_secs(10);

/// The server, stopped with the value.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts this program again as the server.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?.to_string();
        drop(listener);
        let process = Process::new(std::env::current_exe()?)
            .args(["umadb-server", "--listen", &address, "--db-path"])
            .arg(folder.join("umadb"))
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start UmaDB")?;
        Ok(Self { process, url: format!("http://{address}") })
    }

    /// Is the server, until it is stopped.
    pub(crate) fn run(arguments: Vec<String>) -> anyhow::Result<()> {
        let options = umadb::parse_cli_options(arguments).map_err(|e| anyhow::anyhow!("{e}"))?;
        umadb::start_server_with_cli_options(options).map_err(|e| anyhow::anyhow!("{e}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(super) struct UmaDb {
    connections: Vec<AsyncUmaDbClient>,
    next: AtomicUsize,
}

impl UmaDb {
    pub(super) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..size {
            connections.push(connect(url).await?);
        }
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    /// The connections in turns.
    fn client(&self) -> &AsyncUmaDbClient {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        self.connections.get(turn).expect("the rest of a division is below the divisor")
    }

    /// The state and the position up to which it was read.
    async fn replay(&self, id: &str) -> anyhow::Result<(Account, Option<u64>)> {
        let mut events = self.client().read(Some(boundary(id)), None, false, None).await?;
        let mut state = Account::default();
        while let Some(event) = events.next().await {
            state.apply(&decode(&event?.event)?);
        }
        Ok((state, events.head().await?))
    }

    /// Returns whether it was executed, or else rejected.
    async fn execute(&self, id: &str, command: Command) -> anyhow::Result<bool> {
        loop {
            let (state, after) = self.replay(id).await?;
            let Ok(events) = state.handle(command.clone(), &()) else { return Ok(false) };
            let events = events.iter().map(|event| encode(id, event)).collect::<Result<_, _>>()?;
            let condition = DcbAppendCondition { fail_if_events_match: boundary(id), after };
            match self.client().append(events, Some(condition), None).await {
                Ok(_) => return Ok(true),
                Err(DcbError::IntegrityError(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn connect(url: &str) -> anyhow::Result<AsyncUmaDbClient> {
    let start = Instant::now();
    loop {
        match UmaDbClient::new(url.to_owned()).connect_async().await {
            Ok(client) => return Ok(client),
            Err(error) if start.elapsed() > START_MAX => bail!("UmaDB does not answer: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn tag(id: &str) -> String {
    format!("account:{id}")
}

fn boundary(id: &str) -> DcbQuery {
    DcbQuery::new().item(DcbQueryItem::new().tags([tag(id)]))
}

fn encode(id: &str, event: &Event) -> anyhow::Result<DcbEvent> {
    let encoded = DcbEvent::default().event_type(event.kind().name).tags([tag(id)]);
    Ok(encoded.data(event.write_payload()?).uuid(Uuid::new_v4()))
}

fn decode(event: &DcbEvent) -> anyhow::Result<Event> {
    Event::decode(&event.event_type, std::str::from_utf8(&event.data)?)
}

impl Peer for UmaDb {
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
            let events = (after..after + count).map(|before| encode(&id, &event(before)));
            let events = events.collect::<Result<_, _>>()?;
            let condition = (after == 0)
                .then(|| DcbAppendCondition { fail_if_events_match: boundary(&id), after: None });
            self.client().append(events, condition, None).await?;
            Ok(())
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move { Ok(self.replay(&id).await?.0.balance) })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let mut events = self.client().read(None, None, false, None).await?;
            let mut count = 0;
            while let Some(event) = events.next().await {
                std::hint::black_box(decode(&event?.event)?);
                count += 1;
            }
            Ok(count)
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        // Its positions have no holes either.
        Box::pin(async move { Ok(self.client().head().await?.unwrap_or(0)) })
    }
}
