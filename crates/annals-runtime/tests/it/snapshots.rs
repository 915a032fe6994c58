//! Snapshots: only ever a shortcut.

use std::sync::Arc;

use annals_core::{
    EventId, EventStore, Json, MemoryStore, Sequence, Snapshot, SnapshotStore, StreamId,
};
use annals_runtime::{App, Options};

use crate::domain::{Account, Command, app_on, id, memory};

const EVERY: u64 = 10;

fn app(store: &Arc<MemoryStore>, snapshots: &Arc<MemoryStore>) -> App<()> {
    let mut options = Options::default();
    options.snapshot_every = EVERY;
    App::with_options(
        Arc::clone(store) as Arc<dyn EventStore>,
        Some(Arc::clone(snapshots) as Arc<dyn SnapshotStore>),
        (),
        options,
    )
}

fn stream() -> StreamId {
    StreamId::new("account", "1").unwrap()
}

async fn deposit(app: &App<()>, count: i64) {
    for amount in 1..=count {
        app.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
    }
}

async fn kept(snapshots: &MemoryStore) -> Option<Snapshot> {
    SnapshotStore::load(snapshots, stream(), 1, Sequence::MAX).await.unwrap()
}

#[tokio::test]
async fn a_snapshot_is_taken_each_time_a_multiple_is_passed() {
    let store = memory();
    let app = app(&store, &store);
    deposit(&app, 9).await;
    assert!(kept(&store).await.is_none());
    deposit(&app, 16).await;
    let snapshot = kept(&store).await.unwrap();
    assert_eq!(snapshot.sequence.get(), 20);
    let at_20 = app_on(&store).load_at::<Account>(&id("1"), snapshot.sequence).await.unwrap();
    assert_eq!(snapshot.read::<Account>().unwrap(), at_20.state);
}

#[tokio::test]
async fn a_long_replay_leaves_a_snapshot_behind() {
    let (store, snapshots) = (memory(), memory());
    deposit(&app_on(&store), 15).await;
    app(&store, &snapshots).load::<Account>(&id("1")).await.unwrap();
    assert_eq!(kept(&snapshots).await.unwrap().sequence.get(), 15);
}

/// The law of LESSONS 17: for every history and every point in it.
#[tokio::test]
async fn the_state_from_a_snapshot_is_the_state_from_the_events() {
    let store = memory();
    let plain = app_on(&store);
    for amount in 1..=25 {
        plain.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
        let snapshots = memory();
        // Loading with snapshots on, twice: the first leaves one behind, the second starts from it.
        let replayed = app(&store, &snapshots).load::<Account>(&id("1")).await.unwrap();
        let from_snapshot = app(&store, &snapshots).load::<Account>(&id("1")).await.unwrap();
        assert_eq!(kept(&snapshots).await.is_some(), amount >= 10);
        assert_eq!(from_snapshot, replayed);
        for asked in 0..=u64::try_from(amount).unwrap() {
            let asked = Sequence::new(asked).unwrap();
            assert_eq!(
                app(&store, &snapshots).load_at::<Account>(&id("1"), asked).await.unwrap(),
                plain.load_at::<Account>(&id("1"), asked).await.unwrap(),
            );
        }
    }
}

/// Each of these would give a wrong balance if it were believed.
#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_ignored() {
    let store = memory();
    deposit(&app_on(&store), 5).await;
    let events = store.read(annals_core::Read::all()).await.unwrap().events;
    let last = events.last().unwrap();
    let wrong = Account { balance: 1_000_000 };
    let make = |sequence: Sequence, event_id: EventId, version: u32| {
        Snapshot::new(stream(), sequence, event_id, version, &wrong).unwrap()
    };
    let believed = make(last.sequence, last.event_id, 1);
    let other_version = make(last.sequence, last.event_id, 2);
    let of_another_log = make(last.sequence, EventId::new(), 1);
    let ahead_of_the_log = make(last.sequence.plus(3), EventId::new(), 1);
    let mut damaged = believed.clone();
    damaged.state = Json::parse("state", r#"{"balance":1000001}"#, 100).unwrap();
    let undecodable =
        Snapshot::new(stream(), last.sequence, last.event_id, 1, &"not an account").unwrap();
    for (what, snapshot, balance) in [
        ("control: this one is believed", believed, 1_000_000),
        ("another state version", other_version, 15),
        ("from another log", of_another_log, 15),
        ("ahead of the log", ahead_of_the_log, 15),
        ("damaged", damaged, 15),
        ("not decodable", undecodable, 15),
    ] {
        let snapshots = memory();
        snapshots.save(snapshot).await.unwrap();
        let loaded = app(&store, &snapshots).load::<Account>(&id("1")).await.unwrap();
        assert_eq!(loaded.state.balance, balance, "{what}");
    }
}

#[tokio::test]
async fn a_snapshot_is_never_taken_of_events_that_were_refused() {
    let (store, snapshots) = (memory(), memory());
    let (one, other) = (app(&store, &snapshots), app_on(&store));
    deposit(&one, 9).await;
    other.execute::<Account>(&id("1"), Command::Deposit(500)).await.unwrap();
    // Decided as number 10 first, refused, then written as number 11.
    one.execute::<Account>(&id("1"), Command::Deposit(7)).await.unwrap();
    if let Some(snapshot) = kept(&snapshots).await {
        let replayed =
            app_on(&store).load_at::<Account>(&id("1"), snapshot.sequence).await.unwrap();
        assert_eq!(snapshot.read::<Account>().unwrap(), replayed.state);
    }
    let loaded = app(&store, &snapshots).load::<Account>(&id("1")).await.unwrap();
    assert_eq!((loaded.state.balance, loaded.sequence.get()), (45 + 500 + 7, 11));
}

/// Broke when only a longer history replaced a snapshot: one that did not fit stayed until then,
/// and every load replayed everything.
#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_replaced_by_one_that_does() {
    let (store, snapshots) = (memory(), memory());
    deposit(&app_on(&store), 15).await;
    let last = store.read(annals_core::Read::all()).await.unwrap().events.pop().unwrap();
    let undecodable =
        Snapshot::new(stream(), last.sequence, last.event_id, 1, &"not an account").unwrap();
    snapshots.save(undecodable).await.unwrap();
    let loaded = app(&store, &snapshots).load::<Account>(&id("1")).await.unwrap();
    assert_eq!(kept(&snapshots).await.unwrap().read::<Account>(), Some(loaded.state));
}
