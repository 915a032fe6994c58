//! News from one process to another.

use std::future::poll_fn;
use std::sync::Arc;

use annals_core::{AppendCondition, EventStore, Position};
use annals_postgres::{PostgresOptions, PostgresStore};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::database::{Database, execute};
use crate::hostile::block_on;
use crate::load::{append, event};

async fn open(options: PostgresOptions) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(options).await.expect("the log can be opened"))
}

/// Waiters on one handle, appends on another.
async fn news_arrive(writer: PostgresOptions, reader: PostgresOptions, rounds: u64) {
    let (writer, reader) = (open(writer).await, open(reader).await);
    for round in 0..rounds {
        let known = Position::new(round).expect("it is small");
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let reader = Arc::clone(&reader);
                tokio::spawn(async move { reader.wait_past(known).await })
            })
            .collect();
        let write = append(vec![event("one", "1")], AppendCondition::default(), None);
        let _ = writer.append(write).await.expect("it can be written");
        for waiter in waiters {
            let head = waiter.await.expect("a waiter does not panic").expect("news come");
            assert_eq!(head.get(), round + 1);
        }
        // Whoever comes late is answered at once.
        assert_eq!(reader.wait_past(known).await.expect("it is there").get(), round + 1);
    }
}

#[test]
fn appends_of_another_process_wake_those_who_wait() {
    block_on(async {
        let database = Database::with_log().await;
        news_arrive(database.application_options(), database.application_options(), 40).await;
    });
}

#[test]
fn without_a_ring_news_come_by_polling() {
    block_on(async {
        let database = Database::with_log().await;
        let silent = database.application_options().without_doorbell();
        news_arrive(silent, database.application_options(), 3).await;
    });
}

/// Somebody else rings without there being anything, or with lies.
#[test]
fn ring_is_a_reason_to_look_and_nothing_more() {
    block_on(async {
        let database = Database::with_log().await;
        let reader = open(database.application_options()).await;
        let waiting = tokio::spawn({
            let reader = Arc::clone(&reader);
            async move { reader.wait_past(Position::ZERO).await }
        });
        let liar = database.owner().await;
        for _ in 0..20 {
            execute(&liar, "SELECT pg_notify('annals', '1000')").await;
        }
        assert_eq!(reader.head().await.expect("it can be read"), Position::ZERO);
        assert!(!waiting.is_finished(), "woken by a lie");
        let writer = open(database.application_options()).await;
        let write = append(vec![event("one", "1")], AppendCondition::default(), None);
        let _ = writer.append(write).await.expect("it can be written");
        let head = waiting.await.expect("a waiter does not panic").expect("news come");
        assert_eq!(head.get(), 1);
    });
}

/// Hears every ring in the database, and does not tell anybody that it waits.
struct Listener {
    client: Client,
    heard: UnboundedReceiver<String>,
}

impl Listener {
    async fn start(database: &Database) -> Self {
        let connected = tokio_postgres::connect(&database.owner_url(), NoTls).await;
        let (client, mut connection) = connected.expect("the server of the tests answers");
        let (told, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notification(rung) = message {
                    let _ = told.send(rung.payload().to_owned());
                }
            }
        });
        execute(&client, "LISTEN annals").await;
        Self { client, heard }
    }

    async fn next(&mut self) -> String {
        self.heard.recv().await.expect("the connection is there")
    }

    /// How often it was rung since this was last asked.
    async fn rings(&mut self) -> usize {
        execute(&self.client, "SELECT pg_notify('annals', 'end')").await;
        let mut rings = 0;
        while self.next().await != "end" {
            rings += 1;
        }
        rings
    }

    /// The server's processes for the sessions that others ring for.
    async fn waiting(&self) -> Vec<i32> {
        let statement = "SELECT pid FROM pg_locks JOIN pg_database ON database = pg_database.oid
                         WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted
                             AND datname = current_database()";
        let rows = self.client.query(statement, &[]).await.expect("it can be asked");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The session that others ring for, once it is another than `than`.
    async fn other_waiting(&self, than: Option<i32>) -> i32 {
        loop {
            if let [pid] = self.waiting().await[..]
                && Some(pid) != than
            {
                return pid;
            }
        }
    }
}

fn wait_past(store: &Arc<PostgresStore>, position: u64) -> JoinHandle<Position> {
    let store = Arc::clone(store);
    let position = Position::new(position).expect("it is small");
    tokio::spawn(async move { store.wait_past(position).await.expect("news come") })
}

async fn write(store: &PostgresStore) -> u64 {
    let write = append(vec![event("one", "1")], AppendCondition::default(), None);
    store.append(write).await.expect("it can be written").first_position.get()
}

/// A notification is a write and takes a lock of the whole cluster. One process alone needs none.
#[test]
fn process_that_waits_for_itself_does_not_ring() {
    block_on(async {
        let database = Database::with_log().await;
        let mut listener = Listener::start(&database).await;
        let store = open(database.application_options()).await;
        for round in 0..50 {
            let waiter = wait_past(&store, round);
            let _ = write(&store).await;
            assert_eq!(waiter.await.expect("a waiter does not panic").get(), round + 1);
        }
        assert_eq!(listener.rings().await, 0);
    });
}

#[test]
fn others_are_rung_for_while_they_wait_and_not_while_they_are_busy() {
    block_on(async {
        let database = Database::with_log().await;
        let mut listener = Listener::start(&database).await;
        let (writer, reader) = (
            open(database.application_options()).await,
            open(database.application_options()).await,
        );
        for _ in 0..2 {
            let head = reader.head().await.expect("it can be read").get();
            let waiter = wait_past(&reader, head);
            let _ = listener.other_waiting(None).await;
            let written = write(&writer).await;
            assert_eq!(listener.next().await, "");
            assert_eq!(waiter.await.expect("a waiter does not panic").get(), written);
            // Now it has something to do. The first rings that find it so are told to stop.
            while !listener.waiting().await.is_empty() {
                let _ = write(&writer).await;
            }
            let _ = listener.rings().await;
            for _ in 0..200 {
                let _ = write(&writer).await;
            }
            // One may have been on its way.
            let rings = listener.rings().await;
            assert!(rings <= 1, "{rings} rings that nobody waited for");
        }
    });
}

/// The new connection counted as one that listens, because the old one had: rings were not heard
/// any more, and every wake-up came by polling.
#[test]
fn others_ring_again_for_a_connection_that_was_lost() {
    block_on(async {
        let database = Database::with_log().await;
        let mut listener = Listener::start(&database).await;
        let (writer, reader) = (
            open(database.application_options()).await,
            open(database.application_options()).await,
        );
        let waiter = wait_past(&reader, 0);
        let mut lost = listener.other_waiting(None).await;
        for _ in 0..3 {
            execute(&listener.client, &format!("SELECT pg_terminate_backend({lost})")).await;
            lost = listener.other_waiting(Some(lost)).await;
        }
        let _ = write(&writer).await;
        assert_eq!(listener.next().await, "");
        assert_eq!(waiter.await.expect("a waiter does not panic").get(), 1);
    });
}
