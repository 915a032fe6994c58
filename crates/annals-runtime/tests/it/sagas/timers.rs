//! Timers fire once, also after a downtime, and by whoever is there.

use std::time::Duration;

use annals_core::SagaState;
use annals_runtime::{SagaOptions, SagaOrder};
use chrono::TimeDelta;
use tokio::time::Instant;

use super::house::{House, Process};

/// Latest moment at which a timer fires after its time, while somebody is there.
const LATE_MAX: Duration = Duration::from_secs(1);

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

/// By tokio's time, which stands still while there is anything to do: it is what sagas wait, and
/// not how fast the machine is.
#[tokio::test(start_paused = true)]
async fn timers_fire_within_a_second_of_their_time() {
    let house = House::new();
    let process = Process::start(house.sagas().options(SagaOptions::default()));
    // Wherever it is between two looks.
    for (id, looked) in [("1", 0), ("2", 1), ("3", 130), ("4", 249)] {
        house.order(id, "a", "b", 0).await;
        process.listed(id, "running").await;
        tokio::time::advance(Duration::from_millis(looked)).await;
        house.clock.advance(TimeDelta::hours(1));
        let due = Instant::now();
        process.ended(id, SagaState::Failed).await;
        assert!(due.elapsed() <= LATE_MAX, "{:?}", due.elapsed());
    }
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn timers_fire_at_once_after_a_downtime() {
    let house = House::new();
    let process = Process::start(house.sagas().options(SagaOptions::default()));
    house.order("1", "a", "b", 0).await;
    process.listed("1", "running").await;
    process.kill().await;
    // Longer than the leases of whoever was killed, too.
    house.clock.advance(TimeDelta::hours(2));
    tokio::time::advance(Duration::from_secs(7_200)).await;
    let next = Process::start(house.sagas().options(SagaOptions::default()));
    let started = Instant::now();
    next.ended("1", SagaState::Failed).await;
    assert!(started.elapsed() <= LATE_MAX, "{:?}", started.elapsed());
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
