//! Options at the ends of their range.

use std::sync::Arc;

use annals_core::{EventStore, Sequence, SnapshotStore};
use annals_runtime::{App, Options};

use crate::domain::{Account, Command, id, memory};

/// Broke when 0 divided the sequence: the command panicked, and its events were written.
#[tokio::test]
async fn snapshots_every_no_events_are_snapshots_after_every_event() {
    let store = memory();
    let mut options = Options::default();
    options.snapshot_every = 0;
    let snapshots = Arc::clone(&store) as Arc<dyn SnapshotStore>;
    let app = App::with_options(Arc::clone(&store) as _, Some(snapshots), (), options);
    for sequence in 1..=3 {
        let done = app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
        assert_eq!(done.sequence.get(), sequence);
        let stream = annals_core::StreamId::new("account", "1").unwrap();
        let kept = SnapshotStore::load(&*store, stream, 1, Sequence::MAX).await.unwrap().unwrap();
        assert_eq!(kept.sequence, done.sequence);
    }
}

#[tokio::test]
async fn any_number_of_states_may_be_kept_even_none() {
    for cached_states_max in [0, 1, usize::MAX] {
        let store = memory();
        let mut options = Options::default();
        options.cached_states_max = cached_states_max;
        let app = App::with_options(Arc::clone(&store) as _, None, (), options);
        for _ in 0..3 {
            for account in ["1", "2", "3"] {
                app.execute::<Account>(&id(account), Command::Deposit(1)).await.unwrap();
            }
        }
        for account in ["1", "2", "3"] {
            assert_eq!(app.load::<Account>(&id(account)).await.unwrap().state.balance, 3);
        }
        assert_eq!(store.head().await.unwrap().get(), 9);
    }
}
