//! Dead letters in files.

use annals_core::{
    ApplyError, DeadLetterId, DeadLetterQuery, DeadLetterRequest, DeadLetters, Drain, EventType,
    Hosts, Lease, Position, QueuedEvent, ReadModelsError,
};
use std::sync::Arc;

use super::scene::{Balances, Scene, advance, at, new_letter, sums};

fn position(number: u64) -> Position {
    Position::new(number).unwrap()
}

fn queued_event(letter: DeadLetterId, place: u64) -> QueuedEvent {
    let event_type = EventType::new("paid").unwrap();
    QueuedEvent { letter, position: position(place), event_type }
}

/// A letter at 1, events queued at the given places; the leases are moved on behind them.
async fn queued(scene: &Scene, places: &[u64]) -> (Vec<Lease>, DeadLetterId) {
    let mut leases = scene.serving().await;
    let letter = scene.models.park(&leases[0], new_letter("ann", 1)).await.unwrap();
    let queued = places.iter().map(|place| queued_event(letter, *place)).collect();
    let advance = annals_core::Advance { queued, ..advance(&leases, at(100)) };
    let (balances, none) = (Arc::new(Balances), Arc::new(sums(&[])));
    scene.models.apply(balances, none, advance).await.unwrap();
    for lease in &mut leases {
        lease.checkpoint = at(100);
    }
    (leases, letter)
}

async fn drain(scene: &Scene, drain: Drain, cents: i64) -> Result<(), ApplyError> {
    let changes = Arc::new(sums(&[("ann", cents)]));
    scene.models.drain(Arc::new(Balances), changes, drain).await
}

/// The queue of a request that another process makes is drained from there on.
#[tokio::test]
async fn request_of_another_process_is_seen_and_followed_in_chunks() {
    let scene = Scene::new();
    let (leases, letter) = queued(&scene, &[9, 4, 6, 11]).await;
    let by = "operator".to_owned();
    let request = DeadLetterRequest::Retry { by };
    scene.open_again().request(letter, request.clone()).await.unwrap();
    let blocked = scene.models.blocked_streams(&leases[0].generation, vec![leases[0].partition]);
    assert_eq!(blocked.await.unwrap()[0].request, Some(request.clone()));

    let queue = scene.models.queued_events(letter, 3).await.unwrap();
    assert_eq!(queue, [4, 6, 9].map(position));
    let step = |through: u64, applied| Drain {
        lease: leases[0].clone(),
        letter,
        through: position(through),
        applied,
        is_discard: false,
    };
    drain(&scene, step(4, 2), 2).await.unwrap();
    let now = scene.models.dead_letter(letter).await.unwrap();
    assert_eq!((now.position, now.queued), (position(6), 2));
    assert_eq!(now.request, Some(request), "it stays until the queue is empty");
    let repeated = drain(&scene, step(4, 2), 2).await;
    assert!(matches!(repeated, Err(ApplyError::Fenced)), "{repeated:?}");
    drain(&scene, step(11, 3), 3).await.unwrap();
    let gone = scene.models.dead_letter(letter).await;
    assert!(matches!(gone, Err(ReadModelsError::NotFound { .. })), "{gone:?}");
    assert_eq!(scene.seen().await.0["ann"], 5);
}

#[tokio::test]
async fn discarded_letter_is_kept_and_another_stands_for_its_queue() {
    let scene = Scene::new();
    let (leases, letter) = queued(&scene, &[4, 6]).await;
    let discard = Drain {
        lease: leases[0].clone(),
        letter,
        through: position(1),
        applied: 0,
        is_discard: true,
    };
    let unasked = drain(&scene, discard.clone(), 0).await;
    assert!(matches!(unasked, Err(ApplyError::Fenced)), "nobody asked for it: {unasked:?}");
    let (by, why) = ("operator".to_owned(), "a test payment".to_owned());
    let request = DeadLetterRequest::Discard { by: by.clone(), why };
    scene.models.request(letter, request.clone()).await.unwrap();
    drain(&scene, discard.clone(), 0).await.unwrap();

    let kept = scene.models.dead_letter(letter).await.unwrap();
    assert_eq!(kept.request, Some(request));
    assert!(kept.discarded_at.is_some());
    let query = DeadLetterQuery { limit: 10, ..DeadLetterQuery::default() };
    let blocking = scene.models.dead_letters(query).await.unwrap();
    let [heir] = blocking.as_slice() else { panic!("{blocking:?}") };
    assert_eq!((heir.position, heir.queued), (position(4), 1));
    assert_eq!(heir.request, Some(DeadLetterRequest::Retry { by }));

    let again = drain(&scene, discard, 0).await;
    assert!(matches!(again, Err(ApplyError::Fenced)), "{again:?}");
    let asked = scene.models.request(letter, DeadLetterRequest::Retry { by: "x".into() }).await;
    assert!(matches!(asked, Err(ReadModelsError::NotFound { .. })), "{asked:?}");
    let retry = Drain {
        letter: heir.id,
        through: position(6),
        applied: 2,
        is_discard: false,
        lease: leases[0].clone(),
    };
    drain(&scene, retry, 9).await.unwrap();
    assert_eq!(scene.seen().await.0["ann"], 9);
    let blocked = scene.models.blocked_streams(&leases[0].generation, vec![leases[0].partition]);
    assert_eq!(blocked.await.unwrap(), []);
}

/// Whoever asked to discard an event has seen that one, and neither the next one nor another that
/// failed meanwhile.
#[tokio::test]
async fn request_to_discard_is_for_the_event_it_was_made_about() {
    let scene = Scene::new();
    let (leases, letter) = queued(&scene, &[4, 6]).await;
    let by = "operator".to_owned();
    let discard = DeadLetterRequest::Discard { by: by.clone(), why: "a test payment".to_owned() };
    let request = async || scene.models.dead_letter(letter).await.unwrap().request;

    scene.models.request(letter, discard.clone()).await.unwrap();
    scene.models.park(&leases[0], new_letter("ann", 1)).await.unwrap();
    assert_eq!(request().await, Some(discard.clone()), "it came while the event was being tried");
    let through = position(1);
    let retried =
        Drain { lease: leases[0].clone(), letter, through, applied: 1, is_discard: false };
    drain(&scene, retried, 1).await.unwrap();
    assert_eq!(request().await, Some(DeadLetterRequest::Retry { by: by.clone() }));
    assert_eq!(scene.models.dead_letter(letter).await.unwrap().position, position(4));

    scene.models.park(&leases[0], new_letter("ann", 4)).await.unwrap();
    assert_eq!(request().await, None, "it has been retried");
    scene.models.request(letter, discard).await.unwrap();
    scene.models.park(&leases[0], new_letter("ann", 6)).await.unwrap();
    assert_eq!(request().await, None, "nobody asked to discard this one");
}

/// The transaction in which an event fails is undone; the letter that tells of it is not.
#[tokio::test]
async fn letter_does_not_depend_on_the_transaction_that_failed() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let refused = scene.apply(&mut leases, sums(&[("ann", -1)]), at(1)).await;
    assert!(matches!(refused, Err(ApplyError::Rejected { .. })), "{refused:?}");
    let letter = scene.models.park(&leases[0], new_letter("ann", 1)).await.unwrap();
    let other = scene.open_again();
    assert_eq!(other.dead_letter(letter).await.unwrap().error, "too much");
    assert_eq!(scene.seen().await, ([].into(), 0));
}

#[tokio::test]
async fn event_behind_a_letter_that_is_gone_sends_the_worker_to_look_again() {
    let scene = Scene::new();
    let (leases, letter) = queued(&scene, &[]).await;
    let retry = Drain {
        letter,
        through: position(1),
        applied: 1,
        is_discard: false,
        lease: leases[0].clone(),
    };
    drain(&scene, retry, 1).await.unwrap();
    let queued = vec![queued_event(letter, 101)];
    let advance = annals_core::Advance { queued, ..advance(&leases, at(101)) };
    let changes = Arc::new(sums(&[("bob", 1)]));
    let refused = scene.models.apply(Arc::new(Balances), changes, advance).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    assert_eq!(scene.seen().await, ([("ann".to_owned(), 1)].into(), 100));
}
