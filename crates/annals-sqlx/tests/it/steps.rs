//! Operations of several statements, with the connection ending before each of them: nothing is
//! half done, and the same operation succeeds afterwards.

use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, DeadLetterId, DeadLetterQuery, DeadLetterRequest, DeadLetters, Drain,
    EventType, GenerationKey, GenerationState, Generations, Hosts, IfBehind, Lease, LogId,
    NewDeadLetter, NewGeneration, QueuedEvent, ReadModelsError, StreamId, WorkerId,
};
use annals_sqlx::{PostgresReadModels, ReadModelsOptions};

use crate::accounts::{Balances, One, TTL, amounts, at, balances, begin, claim, leased, try_claim};
use crate::database::Database;
use crate::proxy::{COMMIT, Cut, Proxy};

/// A handle whose connection ends before the server hears these words.
async fn cut_before(database: &Database, words: &'static str) -> PostgresReadModels {
    let proxy = Proxy::to(&database.url()).await;
    let options = ReadModelsOptions::from_url(proxy.url()).expect("the URL is right");
    let read_models = PostgresReadModels::open(options).await.expect("the proxy forwards");
    proxy.cut(Cut::Before(words));
    read_models
}

fn is_unavailable<T>(outcome: &Result<T, ReadModelsError>) -> bool {
    matches!(outcome, Err(ReadModelsError::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_begun_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    for words in [
        "Takes the next number",
        "The number of the generation that is being built",
        "CREATE SCHEMA",
        "CREATE TABLE balance",
        "A new generation.",
        "The partitions of a new generation",
        COMMIT,
    ] {
        let far = cut_before(&database, words).await;
        let new = NewGeneration { log_id: LogId::new() };
        let cut = far.create(Balances::<One>::new(), new).await;
        assert!(is_unavailable(&cut), "{words}: {cut:?}");
        assert_eq!(near.generations().await.unwrap(), [], "{words}");
    }
    assert_eq!(begin(&near, Balances::<One>::new()).await.key.number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_switched_to_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    let first = begin(&near, Balances::<One>::new()).await.key;
    near.switch(&first, IfBehind::Refuse).await.unwrap();
    let second = begin(&near, Balances::<One>::new()).await.key;
    for words in [
        "Locks the generations of a projection",
        "Stops the partitions",
        "Between which positions",
        "What a generation is for from now on",
        COMMIT,
    ] {
        let far = cut_before(&database, words).await;
        let cut = far.switch(&second, IfBehind::Refuse).await;
        assert!(is_unavailable(&cut), "{words}: {cut:?}");
        let serving = near.serving("balances").await.unwrap().map(|serving| serving.key);
        assert_eq!(serving.as_ref(), Some(&first), "{words}");
    }
    near.switch(&second, IfBehind::Refuse).await.unwrap();
    let states = near.generations().await.unwrap().into_iter().map(|generation| generation.state);
    let expected = [GenerationState::Retained, GenerationState::Serving];
    assert_eq!(states.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_retired_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    let key = begin(&near, Balances::<One>::new()).await.key;
    let mut own = database.connect().await;
    for words in [
        "Locks the generations of a projection",
        "Stops the partitions",
        "DROP SCHEMA",
        "Forgets a generation",
        COMMIT,
    ] {
        let far = cut_before(&database, words).await;
        let cut = far.retire(&key).await;
        assert!(is_unavailable(&cut), "{words}: {cut:?}");
        assert_eq!(near.generations().await.unwrap().len(), 1, "{words}");
        assert_eq!(balances(&mut own, &key).await, [], "{words}");
    }
    near.retire(&key).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_claimed_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    let key = begin(&near, Balances::<One>::new()).await.key;
    for words in
        ["Notes that a worker", "Brings a worker to its fair share", "What a worker has", COMMIT]
    {
        let far = cut_before(&database, words).await;
        let cut = try_claim(&far, &key, WorkerId::new(), TTL).await;
        assert!(is_unavailable(&cut), "{words}: {cut:?}");
    }
    sessions_ended(&database).await;
    assert_eq!(claim(&near, &key, WorkerId::new()).await.len(), 1);
}

/// Waits until the server has ended what was cut: a claim passes over partitions that are locked,
/// and got none while it had not noticed yet.
async fn sessions_ended(database: &Database) {
    let mut own = database.connect().await;
    let locks = "SELECT count(*) FROM pg_locks \
        WHERE relation = 'annals_read.partition'::regclass \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(locks).fetch_one(&mut own).await.expect("it answers") > 0 {}
}

fn poison(position: u64) -> NewDeadLetter {
    NewDeadLetter {
        stream: StreamId::new("account", "a").expect("tests stay within bounds"),
        position: at(position).position,
        event_type: EventType::new("money_deposited").expect("tests stay within bounds"),
        error: "with a NUL: \0".to_owned(),
        attempts: 3,
    }
}

/// A stream that stands still for event 1, with events 2 to 4 queued behind it.
async fn blocked(read_models: &PostgresReadModels) -> (GenerationKey, Lease, DeadLetterId) {
    let (key, lease) = leased(read_models).await;
    let letter = read_models.park(&lease, poison(1)).await.expect("the lease holds");
    let event_type = poison(1).event_type;
    let queued = (2..=4).map(|place| at(place).position);
    let queued =
        queued.map(|position| QueuedEvent { letter, position, event_type: event_type.clone() });
    let (to, queued) = (at(4), queued.collect());
    let advance = Advance { leases: vec![lease.clone()], to, applied: vec![0], queued };
    let applied = read_models.apply(Balances::<One>::new(), amounts([]), advance).await;
    applied.expect("the lease holds");
    (key, Lease { checkpoint: to, ..lease }, letter)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_parked_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    let (_, lease) = leased(&near).await;
    for words in ["Locks a partition", "Parks an event", "Takes events off", COMMIT] {
        let far = cut_before(&database, words).await;
        let cut = far.park(&lease, poison(1)).await;
        assert!(matches!(cut, Err(ApplyError::Unavailable { .. })), "{words}: {cut:?}");
        let query = DeadLetterQuery { limit: 9, ..DeadLetterQuery::default() };
        assert_eq!(near.dead_letters(query).await.unwrap(), [], "{words}");
    }
    let letter = near.park(&lease, poison(1)).await.unwrap();
    assert_eq!(near.dead_letter(letter).await.unwrap().error, "with a NUL: \u{fffd}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_drained_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    let (key, lease, letter) = blocked(&near).await;
    let drain = Drain { lease, letter, through: at(2).position, applied: 2, is_discard: false };
    for words in [
        "Locks a partition",
        "Locks the dead letter",
        "Takes events off a queue",
        "The first event of a queue",
        "Makes a dead letter be about",
        "INSERT INTO balance",
        "Counts events",
        COMMIT,
    ] {
        let far = cut_before(&database, words).await;
        let cut = far.drain(Balances::<One>::new(), amounts([("a", 2)]), drain.clone()).await;
        assert!(matches!(cut, Err(ApplyError::Unavailable { .. })), "{words}: {cut:?}");
        assert_eq!(near.queued_events(letter, 9).await.unwrap().len(), 3, "{words}");
    }
    near.drain(Balances::<One>::new(), amounts([("a", 2)]), drain).await.unwrap();
    assert_eq!(near.queued_events(letter, 9).await.unwrap(), [at(4).position]);
    assert_eq!(balances(&mut database.connect().await, &key).await, [("a".to_owned(), 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_discarded_or_not() {
    let database = Database::create().await;
    let near = database.open().await;
    let (key, lease, letter) = blocked(&near).await;
    let (by, why) = ("carol".to_owned(), "wrong currency".to_owned());
    near.request(letter, DeadLetterRequest::Discard { by, why }).await.unwrap();
    let drain = Drain { lease, letter, through: at(1).position, applied: 0, is_discard: true };
    for words in [
        "Remembers that the request to discard",
        "A dead letter for the event that is first",
        "Has a queue stand behind another",
        "Counts events",
        COMMIT,
    ] {
        let far = cut_before(&database, words).await;
        let cut = far.drain(Balances::<One>::new(), amounts([]), drain.clone()).await;
        assert!(matches!(cut, Err(ApplyError::Unavailable { .. })), "{words}: {cut:?}");
        assert_eq!(near.queued_events(letter, 9).await.unwrap().len(), 3, "{words}");
    }
    near.drain(Balances::<One>::new(), amounts([]), drain).await.unwrap();
    assert!(near.dead_letter(letter).await.unwrap().discarded_at.is_some());
    let blocked = near.blocked_streams(&key, vec![annals_core::Partition::new(0)]).await.unwrap();
    let [blocked] = blocked.as_slice() else { panic!("{blocked:?}") };
    assert_eq!(blocked.position, at(2).position);
    assert_eq!(blocked.request, Some(DeadLetterRequest::Retry { by: "carol".to_owned() }));
    let queued = near.queued_events(blocked.letter, 9).await.unwrap();
    assert_eq!(queued, [at(3).position, at(4).position]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_changed_meanwhile_is_not_followed() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (_, lease, letter) = blocked(&read_models).await;
    let request = DeadLetterRequest::Retry { by: "carol".to_owned() };
    read_models.request(letter, request).await.unwrap();
    let drain = Drain { lease, letter, through: at(1).position, applied: 0, is_discard: true };
    let refused = read_models.drain(Balances::<One>::new(), Arc::default(), drain).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    assert_eq!(read_models.queued_events(letter, 9).await.unwrap().len(), 3);
}
