//! What is PostgreSQL's own about documents; the rest is in the conformance suite.

use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, BoxError, DocumentList, DocumentOrder, DocumentProjection, DocumentReader,
    DocumentSet, Documents, EventEnvelope, EventId, Generations, Hosts, IfBehind, Leases, Metadata,
    Position, Projection, ReadModelsError, Sequence, StreamId, WorkerId,
};
use annals_sqlx::PostgresReadModels;
use chrono::DateTime;

use crate::accounts::{AccountEvent, amounts, apply, at, begin, claim, leased};
use crate::database::Database;

/// Sums by account, which an event of a thousand or more adds to another account than it says.
struct Sums;

impl Documents for Sums {
    const NAME: &'static str = "sums";
    const VERSION: u32 = 1;
    type Event = AccountEvent;
    type Document = i64;

    fn keys(&self, event: &EventEnvelope<AccountEvent>) -> Vec<String> {
        vec![event.stream.aggregate_id().to_owned()]
    }

    fn apply(
        &self,
        event: &EventEnvelope<AccountEvent>,
        documents: &mut DocumentSet<i64>,
    ) -> Result<(), BoxError> {
        let AccountEvent::MoneyDeposited { amount } = event.event;
        let key = if amount < 1_000 { event.stream.aggregate_id() } else { "b" };
        let sum = documents.find(key).copied().unwrap_or_default();
        documents.put(key, sum + amount)?;
        Ok(())
    }
}

fn deposited(account: &str, amount: i64) -> EventEnvelope<AccountEvent> {
    EventEnvelope {
        position: Position::ZERO,
        stream: StreamId::new("account", account).expect("tests stay within bounds"),
        sequence: Sequence::ZERO,
        event_id: EventId::new(),
        timestamp: DateTime::UNIX_EPOCH,
        metadata: Metadata::default(),
        event: AccountEvent::MoneyDeposited { amount },
    }
}

async fn write(
    read_models: &PostgresReadModels,
    events: Vec<EventEnvelope<AccountEvent>>,
) -> Result<(), ApplyError> {
    let projection = Arc::new(DocumentProjection(Sums));
    let key = match read_models.generations().await.expect("the server answers").pop() {
        Some(generation) => generation.key,
        None => begin(read_models, Arc::clone(&projection)).await.key,
    };
    read_models.switch(&key, IfBehind::Refuse).await.expect("nothing else serves");
    let worker = WorkerId::new();
    let leases = claim(read_models, &key, worker).await;
    let mut changes = Default::default();
    for event in events {
        projection.project(event, &mut changes).expect("keys are short");
    }
    let advance = Advance { leases, to: at(1), applied: vec![1], queued: Vec::new() };
    let applied = read_models.apply(projection, Arc::new(changes), advance).await;
    read_models.release(&key, worker).await.expect("the server answers");
    applied
}

async fn find(read_models: &PostgresReadModels, key: &str) -> Option<i64> {
    let found = read_models.find_document("sums", key).await.expect("a generation serves");
    found.value.map(|document| document.read().expect("documents are numbers"))
}

#[tokio::test]
async fn an_event_sees_its_own_documents_only_whatever_else_is_in_the_batch() {
    let database = Database::create().await;
    let read_models = database.open().await;
    write(&read_models, vec![deposited("a", 1), deposited("b", 2), deposited("a", 3)])
        .await
        .unwrap();
    assert_eq!((find(&read_models, "a").await, find(&read_models, "b").await), (Some(4), Some(2)));
    for batch in [vec![deposited("a", 1_000)], vec![deposited("b", 1), deposited("a", 1_000)]] {
        let refused = write(&read_models, batch).await;
        let Err(ApplyError::Rejected { source }) = refused else { panic!("{refused:?}") };
        assert!(source.to_string().contains("not among the keys"), "{source}");
    }
    assert_eq!((find(&read_models, "a").await, find(&read_models, "b").await), (Some(4), Some(2)));
}

#[tokio::test]
async fn keys_that_no_database_can_hold_are_found_nowhere_and_written_nowhere() {
    let database = Database::create().await;
    let read_models = database.open().await;
    write(&read_models, vec![deposited("a", 1)]).await.unwrap();
    assert_eq!(find(&read_models, "a\0").await, None);
    let odd = "\u{1f600} \"'\\%_";
    write(&read_models, vec![deposited(odd, 7)]).await.unwrap();
    assert_eq!(find(&read_models, odd).await, Some(7));
}

#[tokio::test]
async fn documents_of_a_read_model_that_has_none_are_refused() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    apply(&read_models, &lease, amounts([]), at(1)).await.unwrap();
    read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    let refused = read_models.find_document("balances", "a").await;
    assert!(matches!(refused, Err(ReadModelsError::Refused { .. })), "{refused:?}");
    let list = DocumentList {
        projection: "balances".to_owned(),
        order: DocumentOrder::Key { prefix: String::new(), after: None },
        is_descending: false,
        limit: 1,
    };
    let refused = read_models.list_documents(list).await;
    assert!(matches!(refused, Err(ReadModelsError::Refused { .. })), "{refused:?}");
}
