//! Sagas do what they decide once, whatever happens on the way.

mod house;
mod joint;
mod limits;
mod listing;
mod orders;
mod past;
mod payment;
mod timers;

use std::sync::atomic::Ordering;

use annals_core::{Read, SagaState, StreamId};
use annals_runtime::{Recorded, StepOutcome};

use house::House;
use payment::{Payment, PaymentCommand, WalletCommand};

#[tokio::test(start_paused = true)]
async fn instance_does_its_steps_and_ends() {
    let house = House::new();
    house.fill("a", 100).await;
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    let ended = process.ended("1", SagaState::Completed).await;
    assert_eq!((house.amount("a").await, house.amount("b").await), (70, 30));
    assert_eq!(house.world.letters.load(Ordering::SeqCst), 1);
    let names: Vec<_> = ended.done.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["Take", "Put", "SendLetter"]);
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_compensated_when_a_later_step_is_rejected() {
    let house = House::new();
    house.fill("a", 100).await;
    house.tell("b", WalletCommand::Close).await;
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    let ended = process.ended("1", SagaState::Failed).await;
    assert_eq!(ended.reason.as_deref(), Some("it is closed"));
    assert_eq!((house.amount("a").await, house.amount("b").await), (100, 0));
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rejection_of_the_first_step_leaves_nothing_to_compensate() {
    let house = House::new();
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    let ended = process.ended("1", SagaState::Failed).await;
    assert_eq!(ended.reason.as_deref(), Some("there is not enough in it"));
    assert_eq!(
        house.app().load::<payment::Wallet>(&"a".to_owned()).await.unwrap().sequence.get(),
        0
    );
    process.stop().await;
}

/// Everything belongs to the conversation of the order, whoever dispatched it.
#[tokio::test(start_paused = true)]
async fn everything_an_instance_does_is_of_one_conversation() {
    let house = House::new();
    house.fill("a", 100).await;
    let before = house.store.head().await.unwrap();
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    process.ended("1", SagaState::Completed).await;
    let page = house.store.read(Read::all().after(before)).await.unwrap();
    let conversations = page.events.iter().map(|event| event.read_metadata().unwrap());
    let conversations: Vec<_> = conversations.map(|metadata| metadata.correlation_id).collect();
    assert!(conversations.len() > 5);
    assert!(conversations.iter().all(|one| one.is_some() && *one == conversations[0]));
    process.stop().await;
}

/// What a process leaves behind that is killed after each of its actions in turn.
#[tokio::test(start_paused = true)]
async fn whatever_was_left_behind_is_taken_up() {
    for actions in 0..6 {
        let house = House::new();
        house.fill("a", 100).await;
        house.order("1", "a", "b", 30).await;
        act(&house, actions).await;
        let process = house.start();
        process.ended("1", SagaState::Completed).await;
        assert_eq!((house.amount("a").await, house.amount("b").await), (70, 30), "{actions}");
        process.stop().await;
    }
}

/// The first so many actions of an instance: taking, dispatching, recording, dispatching, ...
async fn act(house: &House, actions: u32) {
    let driver = house.driver();
    let order = StreamId::new("order", "1").unwrap();
    let page = house.store.read(Read::stream(order, annals_core::Sequence::ZERO)).await.unwrap();
    let event = annals_core::codec::decode_envelope(page.events.first().unwrap()).unwrap();
    if actions == 0 {
        return;
    }
    driver.take(&event).await.unwrap();
    for action in 1..actions {
        let state = driver.load("1").await.unwrap().state;
        let (origin, step) = (state.origin().unwrap(), state.open_steps().next().unwrap());
        let outcome = driver.dispatch("1", origin, step).await;
        if action % 2 == 0 {
            driver.record("1", origin, step, 1, outcome).await.unwrap();
        }
    }
}

#[tokio::test]
async fn step_that_was_rejected_cannot_take_effect_later() {
    let house = House::new();
    let driver = house.driver();
    house.order("1", "a", "b", 30).await;
    act(&house, 1).await;
    let state = driver.load("1").await.unwrap().state;
    let (origin, step) = (state.origin().unwrap(), state.open_steps().next().unwrap());
    let rejected = driver.dispatch("1", origin, step).await;
    assert!(matches!(rejected, StepOutcome::Rejected(_)), "{rejected:?}");
    driver.record("1", origin, step, 1, rejected).await.unwrap().unwrap();
    house.fill("a", 100).await;
    // Somebody was paused before dispatching it, and goes on now.
    let late = house.driver().dispatch("1", origin, step).await;
    assert!(matches!(late, StepOutcome::Settled), "{late:?}");
    assert_eq!(house.amount("a").await, 100);
}

#[tokio::test]
async fn rejection_is_not_recorded_of_a_step_that_took_effect() {
    let house = House::new();
    house.fill("a", 100).await;
    house.order("1", "a", "b", 30).await;
    act(&house, 1).await;
    let driver = house.driver();
    let state = driver.load("1").await.unwrap().state;
    let (origin, step) = (state.origin().unwrap(), state.open_steps().next().unwrap());
    // Somebody was told that it is rejected, and is late; meanwhile it was done.
    let rejected = StepOutcome::Rejected(payment::Refused("there is not enough in it".to_owned()));
    assert!(matches!(driver.dispatch("1", origin, step).await, StepOutcome::Succeeded));
    let recorded = house.driver().record("1", origin, step, 1, rejected).await.unwrap().unwrap();
    assert_dispatches_the_next(&recorded);
    assert_eq!(house.amount("a").await, 70);
}

fn assert_dispatches_the_next(recorded: &Recorded<Payment>) {
    let steps = recorded.events.iter().flat_map(|event| event.steps());
    let next = steps.filter(|step| {
        use annals_core::RecordedStep::Dispatch;
        matches!(step, Dispatch { command: PaymentCommand::Put { .. }, .. })
    });
    assert_eq!(next.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn rebuilding_dispatches_nothing() {
    let house = House::new();
    house.fill("a", 100).await;
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    house.order("2", "b", "c", 500).await;
    process.ended("1", SagaState::Completed).await;
    process.ended("2", SagaState::Failed).await;
    let dispatched = house.world.dispatched.load(Ordering::SeqCst);
    let head = house.store.head().await.unwrap();
    for projection in ["sagas", "payment"] {
        process.sagas.projections().rebuild(projection).await.unwrap();
    }
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
    while process.sagas.projections().status().await.unwrap().iter().any(|one| {
        one.generation.key.number == 2
            && one.generation.state != annals_core::GenerationState::Serving
    }) || process.sagas.projections().status().await.unwrap().len() < 4
    {
        looks.tick().await;
    }
    process.ended("1", SagaState::Completed).await;
    assert_eq!(house.world.dispatched.load(Ordering::SeqCst), dispatched);
    assert_eq!(house.store.head().await.unwrap(), head);
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn several_processes_share_the_work_and_take_over_from_one_another() {
    let house = House::new();
    house.fill("a", 1_000).await;
    let (first, second) = (house.start(), house.start());
    for order in 0..40 {
        house.order(&order.to_string(), "a", "b", 10).await;
    }
    first.kill().await;
    for order in 40..60 {
        house.order(&order.to_string(), "a", "b", 10).await;
    }
    for order in 0..60 {
        second.ended(&order.to_string(), SagaState::Completed).await;
    }
    assert_eq!((house.amount("a").await, house.amount("b").await), (400, 600));
    second.stop().await;
}
