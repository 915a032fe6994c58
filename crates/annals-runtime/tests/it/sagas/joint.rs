//! A step and the note of it are one append, where that can be.

use annals_core::{
    EventStore, OpenStep, Position, Read, SagaOrigin, SagaState, Sequence, StepCommandId, StreamId,
    codec,
};
use annals_runtime::{SagaDriver, SagaOrder};

use super::house::House;
use super::payment::{Payment, Services, WalletCommand};

type Driver = SagaDriver<Payment, Services>;

/// Who has begun with a payment of 30 from a to b, and its first step.
async fn begun(house: &House) -> (Driver, SagaOrigin, OpenStep<super::PaymentCommand>) {
    let driver = house.driver();
    house.order("1", "a", "b", 30).await;
    let order = StreamId::new("order", "1").unwrap();
    let page = house.store.read(Read::stream(order, Sequence::ZERO)).await.unwrap();
    let event = codec::decode_envelope(page.events.first().unwrap()).unwrap();
    driver.take(&event).await.unwrap();
    let (origin, step) = first(&driver).await;
    (driver, origin, step)
}

async fn first(driver: &Driver) -> (SagaOrigin, OpenStep<super::PaymentCommand>) {
    let state = driver.load("1").await.unwrap().state;
    (state.origin().unwrap().clone(), state.open_steps().next().unwrap().clone())
}

/// The types of the events after a position.
async fn written(house: &House, after: Position) -> Vec<String> {
    let page = house.store.read(Read::all().after(after)).await.unwrap();
    page.events.iter().map(|event| event.event_type.to_string()).collect()
}

#[tokio::test]
async fn step_and_the_note_of_it_are_one_append() {
    let house = House::new();
    house.fill("a", 100).await;
    let (driver, origin, step) = begun(&house).await;
    let before = house.store.head().await.unwrap();
    let recorded = driver.perform("1", &origin, &step, 1).await.unwrap().unwrap();
    super::assert_dispatches_the_next(&recorded);
    assert_eq!(written(&house, before).await, ["money_taken", "saga.step_succeeded"]);
    let id = StepCommandId::step::<Payment>("1", step.number, 0);
    let outcome = house.store.find_command(id).await.unwrap().unwrap();
    assert_eq!(outcome.count(), 2);
    assert_eq!((recorded.sequence.get(), house.amount("a").await), (2, 70));
}

/// Whoever does it again, at whatever time, is told that there is nothing to do.
#[tokio::test]
async fn step_is_done_once_however_often_and_by_whomever_it_is_performed() {
    let house = House::new();
    house.fill("a", 100).await;
    let (driver, origin, step) = begun(&house).await;
    // Both have the instance in memory as it was.
    let (other, third) = (house.driver(), house.driver());
    first(&other).await;
    driver.perform("1", &origin, &step, 1).await.unwrap().unwrap();
    let head = house.store.head().await.unwrap();
    for late in [&other, &driver, &third] {
        assert!(late.perform("1", &origin, &step, 1).await.unwrap().is_none());
        let outcome = late.dispatch("1", &origin, &step).await;
        assert!(late.record("1", &origin, &step, 1, outcome).await.unwrap().is_none());
        assert!(late.cancel("1", &origin, &step).await.unwrap().is_none());
    }
    assert_eq!((house.store.head().await.unwrap(), house.amount("a").await), (head, 70));
}

/// What is in memory of an instance is a guess: another process may have written to it.
#[tokio::test]
async fn step_is_done_and_noted_although_the_instance_has_changed_meanwhile() {
    let house = House::new();
    house.fill("a", 100).await;
    let (driver, origin, step) = begun(&house).await;
    let sagas = house.sagas();
    sagas.order("payment", "1", SagaOrder::signal("mended".into(), "bob")).await.unwrap();
    let recorded = driver.perform("1", &origin, &step, 1).await.unwrap().unwrap();
    super::assert_dispatches_the_next(&recorded);
    assert_eq!((recorded.sequence.get(), house.amount("a").await), (3, 70));
}

/// Somebody had it called off, and whoever performs it knows nothing of that.
#[tokio::test]
async fn step_that_was_called_off_is_not_performed() {
    let house = House::new();
    house.fill("a", 100).await;
    let (driver, origin, step) = begun(&house).await;
    house.sagas().order("payment", "1", SagaOrder::compensate("bob", "no")).await.unwrap();
    house.driver().cancel("1", &origin, &step).await.unwrap().unwrap();
    assert!(driver.perform("1", &origin, &step, 1).await.unwrap().is_none());
    assert_eq!(house.amount("a").await, 100);
    assert_eq!(driver.load("1").await.unwrap().state.state(), SagaState::Failed);
}

#[tokio::test]
async fn rejection_is_noted_by_itself() {
    let house = House::new();
    house.fill("a", 100).await;
    house.tell("a", WalletCommand::Close).await;
    let (driver, origin, step) = begun(&house).await;
    let before = house.store.head().await.unwrap();
    driver.perform("1", &origin, &step, 1).await.unwrap().unwrap();
    assert_eq!(written(&house, before).await, ["saga.step_rejected", "saga.compensated"]);
}
