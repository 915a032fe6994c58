//! Read models are the fold of the log, whatever happens on the way.

mod bounds;
mod dead_letters;
mod faults;
mod interposed;
mod promotion;
mod rebuild;
mod requests;
mod restored;
mod sharing;
mod stopping;
mod sums;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    ConsistencyToken, DocumentProjection, EventStore, GenerationKey, GenerationState, MemoryStore,
    ReadModels,
};
use annals_runtime::{ProjectionOptions, ProjectionStopped, Projections, Retry};
use annals_testing::MemoryReadModels;
use tokio::sync::oneshot;

use sums::{Sum, Sums, append, fold, sums_in};

/// A log, its read models and whoever keeps them up to date.
#[derive(Debug)]
struct World {
    store: Arc<dyn EventStore>,
    models: MemoryReadModels,
    sums: Sums,
}

impl World {
    fn new() -> Self {
        let (store, models) = (Arc::new(MemoryStore::new()), MemoryReadModels::new());
        Self { store, models, sums: Sums::default() }
    }

    fn projections(&self) -> Projections<MemoryReadModels> {
        let options = ProjectionOptions::default();
        Projections::new(self.store.clone(), Arc::new(self.models.clone()))
            .with(DocumentProjection(self.sums.clone()))
            .options(brisk(options))
    }

    /// Keeps the read models up to date while `task` runs.
    async fn during<T>(&self, task: impl Future<Output = T>) -> (T, Result<(), ProjectionStopped>) {
        during(self.projections(), task).await
    }

    /// Waits until the read model has seen all of the log.
    async fn caught_up(&self) {
        let position = self.store.head().await.unwrap();
        let token = ConsistencyToken { log_id: self.store.log_id(), position };
        let projections = self.projections();
        // Nothing serves before the first build is complete.
        while projections
            .visibility()
            .wait_for(Sums::NAME, token, Duration::from_secs(60))
            .await
            .is_err()
        {
            pass().await;
        }
    }

    async fn assert_is_the_fold(&self) {
        assert_eq!(sums_in(&self.models).await, fold(&*self.store).await);
    }

    async fn states(&self) -> Vec<(u32, GenerationState)> {
        use annals_core::Generations;
        let generations = self.models.generations().await.unwrap();
        generations.iter().map(|one| (one.key.number, one.state)).collect()
    }
}

/// Runs `projections` while `task` runs.
async fn during<D: ReadModels, T>(
    projections: Projections<D>,
    task: impl Future<Output = T>,
) -> (T, Result<(), ProjectionStopped>) {
    let (end, ended) = oneshot::channel::<()>();
    let running = projections.run(async {
        let _ = ended.await;
    });
    let task = async {
        let output = task.await;
        let _ = end.send(());
        output
    };
    tokio::join!(task, running)
}

/// Lets the others work, and time go by for those who wait.
async fn pass() {
    tokio::time::advance(Duration::from_millis(20)).await;
}

fn key(number: u32) -> GenerationKey {
    GenerationKey { projection: Sums::NAME.to_owned(), number }
}

/// Attempts at once instead of with pauses.
fn brisk(mut options: ProjectionOptions) -> ProjectionOptions {
    options.retry =
        Retry { pause_first: Duration::ZERO, pause_max: Duration::ZERO, ..options.retry };
    options
}

#[tokio::test(start_paused = true)]
async fn read_model_is_the_fold_of_what_was_there_and_what_comes() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("b", 2), ("a", 3)]).await;
    let ((), ended) = world
        .during(async {
            world.caught_up().await;
            assert_eq!(sums_in(&world.models).await.get("a"), Some(&Sum { sum: 4, count: 2 }));
            append(&*world.store, &[("a", 5), ("c", 7)]).await;
            world.caught_up().await;
        })
        .await;
    ended.unwrap();
    world.assert_is_the_fold().await;
    assert_eq!(world.states().await, [(1, GenerationState::Serving)]);
}

#[tokio::test(start_paused = true)]
async fn events_a_projection_ignores_move_its_checkpoint() {
    let world = World::new();
    sums::append_ignored(&*world.store, 3).await;
    world.during(world.caught_up()).await.1.unwrap();
    assert_eq!(sums_in(&world.models).await, BTreeMap::new());
}
