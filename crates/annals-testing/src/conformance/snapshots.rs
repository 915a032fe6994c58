//! What is promised of a snapshot store.

use std::sync::Arc;

use annals_core::{EventId, Sequence, Snapshot, SnapshotStore, StreamId};

use super::harness::{Harness, LogUnderTest};
use super::race::race;
use super::sample::{json, new_log, seq, stream};

async fn new_snapshots(harness: &dyn Harness) -> (Box<dyn LogUnderTest>, Arc<dyn SnapshotStore>) {
    let log = new_log(harness).await;
    let snapshots = log.snapshots().expect("the harness has a snapshot store to be tested");
    (log, snapshots)
}

fn snapshot(stream: &StreamId, sequence: u64, state_version: u32, state: &str) -> Snapshot {
    Snapshot::new(stream.clone(), seq(sequence), EventId::new(), state_version, &json(state))
        .expect("the samples are within the limits")
}

async fn save(snapshots: &dyn SnapshotStore, snapshot: &Snapshot) {
    snapshots.save(snapshot.clone()).await.expect("a healthy store keeps snapshots");
}

async fn load(
    snapshots: &dyn SnapshotStore,
    stream: &StreamId,
    state_version: u32,
    up_to: Sequence,
) -> Option<Snapshot> {
    let found = snapshots.load(stream.clone(), state_version, up_to).await;
    found.expect("a healthy store finds snapshots")
}

/// The newest snapshot comes back as it was saved, state and checksum to the letter.
///
/// # Panics
///
/// If the promise is broken.
pub async fn snapshots_come_back_as_they_were(harness: &dyn Harness) {
    let (_log, snapshots) = new_snapshots(harness).await;
    let long = format!("\"{}\"", "\u{e9}".repeat(300_000));
    let states = ["{}", r#"{"b":1e400,"a":18446744073709551615}"#, r#""\u00e9\n'""#, &long];
    for (sequence, state) in (1..).zip(states) {
        let own = stream(format!("{sequence}"));
        assert_eq!(load(&*snapshots, &own, 1, Sequence::MAX).await, None, "nothing is there yet");
        let saved = snapshot(&own, sequence, 1, state);
        save(&*snapshots, &saved).await;
        let found = load(&*snapshots, &own, 1, Sequence::MAX).await;
        assert_eq!(found.as_ref(), Some(&saved));
        let state: Option<annals_core::Json> = saved.read();
        assert_eq!(found.and_then(|found| found.read()), state, "the checksum does not fit");
    }
}

/// The newest snapshot is kept, in whatever order they are saved, a later one at the same sequence
/// replaces it (it may be the one that fits), and none beyond what is asked for is given.
///
/// # Panics
///
/// If the promise is broken.
pub async fn snapshots_are_the_newest_up_to_a_sequence(harness: &dyn Harness) {
    let (_log, snapshots) = new_snapshots(harness).await;
    let own = stream("own");
    let saved: Vec<_> =
        [4, 9, 2, 7].map(|n| snapshot(&own, n, 1, &format!(r#"{{"n":{n}}}"#))).into();
    for snapshot in &saved {
        save(&*snapshots, snapshot).await;
    }
    let newest = load(&*snapshots, &own, 1, Sequence::MAX).await.expect("some were saved");
    assert_eq!(newest.sequence, seq(9), "an older snapshot replaced a newer one");
    assert_eq!(load(&*snapshots, &own, 1, seq(9)).await, Some(newest));
    let other = snapshot(&own, 9, 1, r#"{"n":9,"again":true}"#);
    save(&*snapshots, &other).await;
    let kept = load(&*snapshots, &own, 1, Sequence::MAX).await;
    assert_eq!(kept, Some(other), "a snapshot at the same sequence was not replaced");
    for up_to in 0..9 {
        // Whether older ones are kept is the store's choice.
        if let Some(found) = load(&*snapshots, &own, 1, seq(up_to)).await {
            assert!(found.sequence <= seq(up_to), "{} is beyond {up_to}", found.sequence);
            assert!(saved.contains(&found), "nobody saved {found:?}");
        }
    }
}

/// Snapshots of other streams and other state versions are other snapshots.
///
/// # Panics
///
/// If the promise is broken.
pub async fn snapshots_are_kept_by_stream_and_state_version(harness: &dyn Harness) {
    let (_log, snapshots) = new_snapshots(harness).await;
    let streams = [
        stream("1"),
        stream("1:0"),
        stream("One"),
        stream("one"),
        StreamId::new("sample:1", "0").expect("the samples' ids are valid"),
    ];
    let mut saved = Vec::new();
    for (number, own) in (1..).zip(&streams) {
        for version in [1, 2, u32::MAX] {
            let state = format!(r#"{{"stream":{number},"version":{version}}}"#);
            // The older the code, the further its snapshot.
            let sequence = number * 10 + u64::from(version == 1);
            let snapshot = snapshot(own, sequence, version, &state);
            save(&*snapshots, &snapshot).await;
            saved.push(snapshot);
        }
    }
    for expected in saved {
        let (own, version) = (&expected.stream, expected.state_version);
        let found = load(&*snapshots, own, version, Sequence::MAX).await;
        assert_eq!(found.as_ref(), Some(&expected), "another stream's or version's snapshot");
    }
    assert_eq!(load(&*snapshots, &streams[0], 3, Sequence::MAX).await, None);
}

/// Of snapshots that are saved at the same time, the newest stays.
///
/// # Panics
///
/// If the promise is broken.
pub async fn snapshots_race_and_the_newest_stays(harness: &dyn Harness) {
    const RACERS: u64 = 12;
    let (_log, snapshots) = new_snapshots(harness).await;
    for round in 0..5 {
        let own = stream(format!("{round}"));
        let tasks = (1..=RACERS).map(|sequence| {
            let (snapshots, own) = (Arc::clone(&snapshots), own.clone());
            async move { save(&*snapshots, &snapshot(&own, sequence, 1, "{}")).await }
        });
        race(tasks).await;
        let newest = load(&*snapshots, &own, 1, Sequence::MAX).await.expect("some were saved");
        assert_eq!(newest.sequence, seq(RACERS), "an older snapshot replaced a newer one");
    }
}
