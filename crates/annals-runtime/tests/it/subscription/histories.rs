//! Random histories, read in random steps.

use std::sync::Arc;

use annals_core::{EventStore, MemoryStore, Read};
use annals_runtime::Subscription;
use proptest::prelude::*;

use super::feed::{append_kinds, positions, wanted};
use crate::stores::{OneByOne, Slow};

#[derive(Debug, Clone)]
enum Step {
    /// Appends so many events, of which every nth is wanted.
    Append {
        count: usize,
        nth: u64,
    },
    /// Takes a batch, waiting for it if there is something to come.
    Next {
        limit: usize,
    },
    TryNext {
        limit: usize,
    },
    /// Asks for a batch and does not wait for the answer.
    Drop,
    /// Goes on with another subscription from the checkpoint.
    Restart,
}

/// More than a page, so that the rest of it is read ahead.
fn far() -> impl Strategy<Value = Step> {
    (5_000_usize..5_020, 1_u64..9).prop_map(|(count, nth)| Step::Append { count, nth })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_usize..40, 1_u64..9).prop_map(|(count, nth)| Step::Append { count, nth }),
        4 => (1_usize..30).prop_map(|limit| Step::Next { limit }),
        2 => (1_usize..6_000).prop_map(|limit| Step::TryNext { limit }),
        2 => Just(Step::Drop),
        1 => Just(Step::Restart),
    ]
}

async fn follow(log: Arc<MemoryStore>, store: Arc<dyn EventStore>, steps: Vec<Step>) {
    let mut subscription = Subscription::new(store.clone(), wanted());
    let mut seen = Vec::new();
    for step in steps {
        match step {
            Step::Append { count, nth } => append_kinds(&*log, count, |n| n % nth == 0).await,
            Step::Next { limit } => {
                if subscription.checkpoint().position < log.head().await.unwrap() {
                    seen.extend(subscription.next_batch(limit).await.unwrap().events);
                }
            }
            Step::TryNext { limit } => {
                let batch = subscription.try_next_batch(limit).await.unwrap();
                seen.extend(batch.into_iter().flat_map(|batch| batch.events));
            }
            Step::Drop => tokio::select! {
                biased;
                batch = subscription.try_next_batch(10) => {
                    seen.extend(batch.unwrap().into_iter().flat_map(|batch| batch.events));
                }
                () = std::future::ready(()) => {}
            },
            Step::Restart => {
                let checkpoint = subscription.checkpoint();
                subscription = Subscription::new(store.clone(), wanted()).starting_at(checkpoint);
            }
        }
        // Exactly what is selected up to the checkpoint, at every moment.
        let up_to = subscription.checkpoint().position;
        assert!(seen.last().is_none_or(|last| last.position <= up_to));
    }
    while let Some(batch) = subscription.try_next_batch(1_000).await.unwrap() {
        seen.extend(batch.events);
    }
    let mut expected = Vec::new();
    let mut read = Read::query(wanted());
    loop {
        let page = log.read(read.clone()).await.unwrap();
        expected.extend(page.events);
        if !page.has_more {
            break;
        }
        read = read.after(page.through);
    }
    assert_eq!(positions(&seen), positions(&expected));
    assert_eq!(seen, expected);
    assert_eq!(subscription.checkpoint().position, log.head().await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_history_read_in_any_steps_gives_what_is_selected_once_in_order(
        near in prop::collection::vec(step(), 1..24),
        far in prop::option::weighted(0.3, far()),
        then in prop::collection::vec(step(), 0..12),
        seed in any::<u64>(),
    ) {
        let is_one_by_one = far.is_none() && seed % 2 == 0;
        let steps = near.into_iter().chain(far).chain(then).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let log = Arc::new(MemoryStore::new());
            let slow: Arc<dyn EventStore> = if is_one_by_one {
                Arc::new(OneByOne(log.clone()))
            } else {
                Arc::new(Slow::new(log.clone(), seed))
            };
            follow(log, slow, steps).await;
        });
    }
}
