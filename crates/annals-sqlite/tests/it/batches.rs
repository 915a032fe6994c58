//! What one batch means: one flush, and verdicts that do not depend on the neighbours.

use std::path::Path;
use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, EventQuery, EventStore, EventType, Json, NewEvent,
    Position, QueryItem, StreamId, Tag,
};
use annals_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::child::{self, log_in};
use crate::crash_images::run_recorded;
use crate::recording::Change;
use crate::workload::{self, Outcome, Outcomes};

pub(crate) const ROLE: &str = "batches";
const CLIENTS: &str = "ANNALS_TEST_CLIENTS";
const COMMANDS: usize = 10;

/// Clients that each send their commands one after the other.
pub(crate) fn play(folder: &Path) {
    let clients = std::env::var(CLIENTS).unwrap().parse().unwrap();
    let outcomes = Arc::new(Outcomes::open(folder));
    let store: Arc<dyn EventStore> = Arc::new(SqliteStore::open(log_in(folder)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(workload::run(&store, "b", clients, COMMANDS, &outcomes));
}

/// Flushes of the write-ahead log while `clients` clients send their commands, on a disk that
/// takes five milliseconds for each.
fn flushes(clients: usize) -> usize {
    let folder = TempDir::new().unwrap();
    let mut command = child::command(ROLE, folder.path());
    command.env(CLIENTS, clients.to_string()).env("RECORDER_FLUSH_MICROS", "5000");
    let changes = run_recorded(command, folder.path());
    let is_outcome = |change: &&Change| {
        matches!(change, Change::Written { data, .. } if
        data.starts_with(b"b-"))
    };
    assert_eq!(changes.iter().filter(is_outcome).count(), clients * COMMANDS);
    // From the first frame of an event to the last acknowledgement; opening and closing flush too.
    let first = changes
        .iter()
        .rposition(|change| matches!(change, Change::Opened { path, .. } if path == "log.db-wal"));
    let last = changes.iter().rposition(|change| is_outcome(&change)).unwrap();
    let during = &changes[first.unwrap()..last];
    during.iter().filter(|change| matches!(change, Change::Flushed { .. })).count()
}

#[test]
fn one_client_pays_one_flush_for_each_append() {
    // One more makes the beginning of the write-ahead log durable, one the name of its file.
    let flushes = flushes(1);
    assert!((COMMANDS..=COMMANDS + 2).contains(&flushes), "{flushes} flushes");
}

#[test]
fn clients_share_a_flush_without_waiting_for_each_other() {
    let flushes = flushes(40);
    // Two batches take turns: who is answered sends again while the other is flushed.
    assert!(flushes < 4 * COMMANDS, "{flushes} flushes for {} appends", 40 * COMMANDS);
}

fn append_to(name: &str) -> Append {
    let stream = StreamId::new("account", name).unwrap();
    let happened = EventType::new("happened").unwrap();
    let payload = Json::parse("payload", "{}", 10).unwrap();
    let event = NewEvent::new(stream, happened, 1, payload).unwrap();
    Append::new(vec![event], AppendCondition::default(), None).unwrap()
}

#[tokio::test]
async fn append_that_breaks_its_batch_breaks_only_itself() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(SqliteStore::open(log_in(folder.path())).unwrap());
    // Stands for whatever may make a single insert fail, such as a damaged page of an index.
    let poison = "CREATE TRIGGER poison BEFORE INSERT ON event WHEN NEW.aggregate_id = 'poison'
        BEGIN SELECT RAISE(ROLLBACK, 'poison'); END";
    Connection::open(log_in(folder.path())).unwrap().execute_batch(poison).unwrap();
    let appends: Vec<_> = (0..30)
        .map(|number| {
            let store = Arc::clone(&store);
            let name = if number == 17 { "poison".to_owned() } else { format!("{number}") };
            tokio::spawn(async move { store.append(append_to(&name)).await })
        })
        .collect();
    for (number, append) in appends.into_iter().enumerate() {
        match append.await.unwrap() {
            Ok(_) => assert_ne!(number, 17),
            Err(AppendError::Unavailable { .. }) => assert_eq!(number, 17),
            Err(error) => panic!("{number}: {error:?}"),
        }
    }
    assert_eq!(store.head().await.unwrap().get(), 29);
}

/// Far behind the head, a reader searches for the writer. The outcome is the same.
#[tokio::test]
async fn condition_on_a_position_long_ago_is_exact() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(log_in(folder.path())).unwrap();
    let event = |tags: Vec<Tag>| {
        let stream = StreamId::new("account", "a").unwrap();
        let payload = Json::parse("payload", "{}", 10).unwrap();
        let event = NewEvent::new(stream, EventType::new("happened").unwrap(), 1, payload);
        event.unwrap().with_tags(tags).unwrap()
    };
    let tag = |value: u64| Tag::new("number", value).unwrap();
    let mut first = vec![event(vec![tag(1)])];
    first.extend((1..1000).map(|_| event(Vec::new())));
    let _ = store.append(Append::new(first, AppendCondition::default(), None).unwrap()).await;
    for _ in 0..10 {
        let events = (0..1000).map(|_| event(Vec::new())).collect();
        let append = Append::new(events, AppendCondition::default(), None).unwrap();
        let _ = store.append(append).await.unwrap();
    }
    let head = store.head().await.unwrap();
    let unless = |item: QueryItem, after: Position| {
        let query = EventQuery::any_of([item]).unwrap();
        AppendCondition::default().nothing_new(query, after)
    };
    let kind = |name: &str| QueryItem::new().event_type(EventType::new(name).unwrap());
    let send = async |condition: AppendCondition| {
        store.append(Append::new(vec![event(vec![tag(2)])], condition, None).unwrap()).await
    };
    let refused = send(unless(QueryItem::new().tag(tag(1)), Position::ZERO)).await.unwrap_err();
    let AppendError::ConditionFailed { at } = refused else { panic!("{refused:?}") };
    assert_eq!(at.get(), 1);
    let refused = send(unless(kind("happened"), Position::ZERO)).await.unwrap_err();
    assert!(matches!(refused, AppendError::ConditionFailed { .. }), "{refused:?}");
    assert_eq!(store.head().await.unwrap(), head);
    let after_it = Position::new(1).unwrap();
    let _ = send(unless(QueryItem::new().tag(tag(1)), after_it)).await.unwrap();
    let _ = send(unless(kind("other"), Position::ZERO)).await.unwrap();
    // What the reader could not know yet, the writer finds.
    let refused = send(unless(QueryItem::new().tag(tag(2)), Position::ZERO)).await.unwrap_err();
    assert!(matches!(refused, AppendError::ConditionFailed { .. }), "{refused:?}");
    let label = workload::send(&store, "x").await;
    assert!(matches!(label, Outcome::Acknowledged { .. }), "{label:?}");
}
