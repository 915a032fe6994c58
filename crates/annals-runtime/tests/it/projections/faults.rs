//! Whatever call fails, before it did anything or after, the read model ends up as the fold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use annals_core::{BoxError, BoxFuture, DocumentProjection, GenerationState};
use annals_runtime::{ProjectionOptions, Projections};

use super::interposed::{Between, Call, Interposed};
use super::sums::{Sums, append, fold, sums_in};
use super::{World, brisk, during};

/// When the call with the chosen number fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Nothing has happened.
    Before,
    /// It has happened, but nobody is told.
    After,
}

/// Cuts the line in one call.
#[derive(Debug)]
struct Cut {
    calls: AtomicU64,
    number: u64,
    when: When,
    has_come: AtomicBool,
    is_due: AtomicBool,
}

impl Between for Cut {
    fn before(&self, _: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        let is_chosen = self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.number;
        self.has_come.fetch_or(is_chosen, Ordering::Relaxed);
        self.is_due.fetch_or(is_chosen && self.when == When::After, Ordering::Relaxed);
        let is_cut = is_chosen && self.when == When::Before;
        Box::pin(async move { if is_cut { Err("cut".into()) } else { Ok(()) } })
    }

    fn after(&self, _: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        let is_cut = self.is_due.swap(false, Ordering::Relaxed);
        Box::pin(async move { if is_cut { Err("cut".into()) } else { Ok(()) } })
    }
}

/// Everything a runner does: builds, follows, parks, takes up again, rebuilds and switches. Says
/// whether there was a call with this number.
async fn scenario(number: u64, when: When) -> bool {
    let world = World::new();
    let cut = Arc::new(Cut {
        calls: AtomicU64::new(0),
        number,
        when,
        has_come: AtomicBool::new(false),
        is_due: AtomicBool::new(false),
    });
    let projections = Projections::new(world.store.clone(), Interposed::new(&world.models, &cut))
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    append(&*world.store, &[("a", 1), ("b", -2), ("a", 3), ("b", 4), ("c", 5)]).await;
    // What the operator does goes past the fault, or there would be nothing to test.
    let operate = async {
        world.caught_up().await;
        world.sums.accepts_all.store(true, Ordering::Relaxed);
        while sums_in(&world.models).await != fold(&*world.store).await {
            let _ = world.projections().retry_all(None, "olga").await;
            super::pass().await;
        }
        append(&*world.store, &[("a", 6), ("d", 7)]).await;
        world.projections().rebuild(Sums::NAME).await.unwrap();
        while !world.states().await.contains(&(2, GenerationState::Serving)) {
            super::pass().await;
        }
        world.caught_up().await;
    };
    let ((), ended) = during(projections, operate).await;
    ended.unwrap_or_else(|error| panic!("call {number}, {when:?}: {error:?}"));
    world.assert_is_the_fold().await;
    cut.has_come.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn failure_of_any_one_call_changes_nothing_in_the_end() {
    for when in [When::Before, When::After] {
        let mut number = 1;
        while scenario(number, when).await {
            number += 1;
        }
        assert!(number > 20, "the scenario makes {number} calls only");
    }
}
