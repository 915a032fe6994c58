//! One bad event stops its stream and nothing else.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use annals_core::{DeadLetter, DeadLetterQuery, DeadLetterRequest, DeadLetters};
use annals_runtime::{ProjectionOptions, ProjectionState, ProjectionStopped};

use super::sums::{Sum, append, fold, sums_in};
use super::{World, brisk};

async fn letters(world: &World) -> Vec<DeadLetter> {
    let query = DeadLetterQuery { limit: 1_000, ..DeadLetterQuery::default() };
    world.models.dead_letters(query).await.unwrap()
}

/// Waits until no dead letter has a request that has not been followed.
async fn settled(world: &World) {
    while letters(world).await.iter().any(|letter| letter.request.is_some()) {
        super::pass().await;
    }
}

fn retry() -> DeadLetterRequest {
    DeadLetterRequest::Retry { by: "olga".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn one_bad_event_among_ten_thousand_parks_alone_with_its_successors() {
    let world = World::new();
    let ids: Vec<String> = (0..100).map(|id| format!("account-{id}")).collect();
    for round in 0..100 {
        let amounts: Vec<_> = ids
            .iter()
            .map(|id| (id.as_str(), if round == 40 && id == "account-7" { -1 } else { 1 }))
            .collect();
        append(&*world.store, &amounts).await;
    }
    let ((), ended) = world
        .during(async {
            world.caught_up().await;
            let mut expected = fold(&*world.store).await;
            expected.insert("account-7".to_owned(), Sum { sum: 40, count: 40 });
            assert_eq!(sums_in(&world.models).await, expected);
            let found = letters(&world).await;
            let [letter] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!(letter.stream.aggregate_id(), "account-7");
            assert_eq!((letter.position.get(), letter.queued), (4_008, 59));
            assert_eq!(letter.attempts, ProjectionOptions::default().retry.attempts_max);
            assert!(letter.error.contains("-1 is negative"), "{}", letter.error);
            let status = world.projections().status().await.unwrap();
            assert_eq!(status[0].state, ProjectionState::Blocked);

            // Asked again before the code is mended, it fails again, and says so.
            world.projections().request(letter.id, retry()).await.unwrap();
            settled(&world).await;
            let again = world.models.dead_letter(letter.id).await.unwrap();
            assert!(again.attempts > letter.attempts && again.request.is_none(), "{again:?}");

            world.sums.accepts_all.store(true, Ordering::Relaxed);
            assert_eq!(world.projections().retry_all(Some("sums"), "olga").await.unwrap(), 1);
            settled(&world).await;
        })
        .await;
    ended.unwrap();
    assert_eq!(letters(&world).await, []);
    world.assert_is_the_fold().await;
}

#[tokio::test(start_paused = true)]
async fn later_bad_events_of_a_stream_park_one_after_the_other_in_order() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("a", -2), ("a", 3), ("a", -4), ("b", 5)]).await;
    let ((), ended) = world
        .during(async {
            world.caught_up().await;
            for (position, why) in [(2, "twice entered"), (4, "made up")] {
                let found = letters(&world).await;
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].position.get(), position);
                let (by, why) = ("olga".to_owned(), why.to_owned());
                let discard = DeadLetterRequest::Discard { by, why };
                world.projections().request(found[0].id, discard).await.unwrap();
                settled(&world).await;
            }
        })
        .await;
    ended.unwrap();
    assert_eq!(letters(&world).await, []);
    let sums = sums_in(&world.models).await;
    let expected = [("a", Sum { sum: 4, count: 2 }), ("b", Sum { sum: 5, count: 1 })];
    assert_eq!(sums, BTreeMap::from(expected.map(|(id, sum)| (id.to_owned(), sum))));
    let discarded = DeadLetterQuery { is_discarded: true, limit: 10, ..DeadLetterQuery::default() };
    let told = world.models.dead_letters(discarded).await.unwrap();
    let whys: Vec<_> = told
        .iter()
        .map(|letter| match &letter.request {
            Some(DeadLetterRequest::Discard { why, .. }) => (letter.position.get(), why.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(whys, [(2, "twice entered"), (4, "made up")]);
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_projection_parks_the_event_like_any_other_failure() {
    let world = World::new();
    world.sums.panics.store(true, Ordering::Relaxed);
    append(&*world.store, &[("a", 1), ("b", -1), ("a", 2)]).await;
    world.during(world.caught_up()).await.1.unwrap();
    assert_eq!(sums_in(&world.models).await.get("a"), Some(&Sum { sum: 3, count: 2 }));
    let found = letters(&world).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].error.contains("panicked"), "{}", found[0].error);
}

#[tokio::test(start_paused = true)]
async fn so_many_bad_events_that_the_code_must_be_wrong_stop_the_projection() {
    let world = World::new();
    let ids: Vec<String> = (0..40).map(|id| format!("account-{id}")).collect();
    append(&*world.store, &ids.iter().map(|id| (id.as_str(), -1)).collect::<Vec<_>>()).await;
    let mut options = brisk(ProjectionOptions::default());
    options.blocked_streams_max = 10;
    let stopped = world.projections().options(options).run(async {
        while letters(&world).await.len() <= 10 {
            super::pass().await;
        }
    });
    let error = stopped.await.unwrap_err();
    assert!(matches!(error, ProjectionStopped::TooManyBlocked { blocked: 11, .. }), "{error:?}");
    assert_eq!(letters(&world).await.len(), 11);
    let status = world.projections().status().await.unwrap();
    assert!(status[0].last_error.as_ref().unwrap().contains("stand still"), "{status:?}");
}
