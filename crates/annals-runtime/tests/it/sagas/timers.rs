//! Timers fire once, also after a downtime, and by whoever is there.

use annals_core::SagaState;
use annals_runtime::SagaOrder;
use chrono::TimeDelta;

use super::house::House;

#[tokio::test(start_paused = true)]
async fn timer_fires_when_it_is_due_and_not_before() {
    let house = House::new();
    let process = house.start();
    house.order("1", "a", "b", 0).await;
    process.listed("1", "running").await;
    house.clock.advance(TimeDelta::seconds(3_599));
    house.order("2", "a", "b", 5).await;
    process.ended("2", SagaState::Failed).await;
    process.listed("1", "running").await;
    house.clock.advance(TimeDelta::seconds(1));
    let ended = process.ended("1", SagaState::Failed).await;
    assert_eq!(ended.reason.as_deref(), Some("nobody said anything"));
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn timer_of_a_stopped_process_fires_in_the_next_one() {
    let house = House::new();
    let process = house.start();
    house.order("1", "a", "b", 0).await;
    process.listed("1", "running").await;
    process.kill().await;
    house.clock.advance(TimeDelta::days(3));
    let next = house.start();
    let ended = next.ended("1", SagaState::Failed).await;
    let fired = next.sagas.show("payment", "1").await.unwrap().timeline;
    let fired = fired.iter().filter(|entry| entry.event_type == "saga.timer_fired");
    assert_eq!((fired.count(), ended.timers.len()), (1, 0));
    next.stop().await;
}

/// Was looked at four times a second for ever, with a line in the log each time.
#[tokio::test(start_paused = true)]
async fn timer_that_the_saga_panics_at_is_parked_and_the_others_fire() {
    let house = House::new();
    let process = house.start();
    for id in ["1", "2"] {
        house.order(id, "a", "b", -1).await;
        process.listed(id, "running").await;
    }
    // Both are due at once, and the one that can be told comes second.
    house.clock.advance(TimeDelta::seconds(3_600));
    for id in ["1", "2"] {
        let parked = process.listed(id, "parked").await;
        let why = parked.timers.iter().find_map(|timer| timer.parked.as_ref()).unwrap();
        assert_eq!(why.error, "it panicked: nobody has thought of this");
        assert_eq!((why.attempts, why.is_untold), (3, true));
    }
    process.sagas.order("payment", "2", SagaOrder::signal("mended".into(), "bob")).await.unwrap();
    process
        .sagas
        .order("payment", "2", SagaOrder::retry("bob", "it has been mended"))
        .await
        .unwrap();
    process.ended("2", SagaState::Completed).await;
    let ended = process.ended("1", SagaState::Failed).await;
    assert_eq!(ended.reason.as_deref(), Some("nobody said anything"));
    process.stop().await;
}
