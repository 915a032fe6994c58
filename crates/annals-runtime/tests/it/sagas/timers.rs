//! Timers fire once, also after a downtime, and by whoever is there.

use annals_core::SagaState;
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
