//! An instance has a past as any aggregate has: states of then, and snapshots.

use std::sync::Arc;

use annals_core::{
    Aggregate, MemoryStore, SagaInstance, SagaState, Sequence, SnapshotStore, StreamId,
};
use annals_runtime::{App, Options, SagaDriver};
use serde_json::json;

use super::house::House;
use super::payment::{Payment, PaymentCommand};

type Instance = SagaInstance<Payment>;

/// A payment that was made, and by whom its instance is looked at.
async fn paid() -> (House, SagaDriver<Payment, super::payment::Services>) {
    let house = House::new();
    house.fill("a", 100).await;
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    process.ended("1", SagaState::Completed).await;
    process.stop().await;
    let driver = house.driver();
    (house, driver)
}

#[tokio::test(start_paused = true)]
async fn instance_is_shown_as_it_was_at_any_time() {
    let (_house, driver) = paid().await;
    let last = driver.load("1").await.unwrap().sequence;
    let mut past = Vec::new();
    for sequence in 1..=last.get() {
        let sequence = Sequence::new(sequence).unwrap();
        let then = driver.instances().load_at::<Instance>(&"1".to_owned(), sequence).await.unwrap();
        let open = then.state.open_steps().map(|step| match step.command {
            PaymentCommand::Take { .. } => "take",
            PaymentCommand::Put { .. } => "put",
            PaymentCommand::SendLetter => "send a letter",
        });
        past.push((then.state.state(), open.collect::<Vec<_>>()));
    }
    let running = |open| (SagaState::Running, vec![open]);
    let completed = (SagaState::Completed, Vec::new());
    assert_eq!(past, [running("take"), running("put"), running("send a letter"), completed]);
}

#[tokio::test(start_paused = true)]
async fn snapshot_of_an_instance_is_the_state_that_its_history_tells() {
    let (house, driver) = paid().await;
    let told = driver.load("1").await.unwrap();
    let snapshots = Arc::new(MemoryStore::new());
    let mut options = Options::default();
    options.snapshot_every = 2;
    let with_snapshots = || {
        let kept: Arc<dyn SnapshotStore> = snapshots.clone();
        let app = App::with_options(house.store.clone(), Some(kept), house.world.clone(), options);
        SagaDriver::<Payment, _>::new(app, house.clock.clone())
    };
    // The first leaves one behind, and the second begins with it.
    for _ in 0..2 {
        let loaded = with_snapshots().load("1").await.unwrap();
        assert_eq!((json!(loaded.state), loaded.sequence), (json!(told.state), told.sequence));
    }
    let (stream, version) = (StreamId::new("payment", "1").unwrap(), Instance::STATE_VERSION);
    let kept = SnapshotStore::load(&*snapshots, stream, version, Sequence::MAX).await;
    let kept = kept.unwrap().unwrap();
    assert_eq!(kept.sequence, told.sequence);
    assert_eq!(json!(kept.read::<Instance>().unwrap()), json!(told.state));
}
