//! A log and the database of its read models, of whichever kind.

use std::sync::Arc;
use std::time::Duration;

use annals::{
    BoxFuture, ConsistencyToken, EventStore, GenerationState, Hosts, ProjectionOptions,
    Projections, ReadModels,
};

use crate::balances::{Balances, Rows, fold};

/// A read database whose rows can be looked at.
pub(crate) trait ReadDatabase: ReadModels + Hosts<Balances> {
    fn rows(&self) -> BoxFuture<'_, Rows>;
}

pub(crate) struct World<D> {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) models: Arc<D>,
}

/// A lease that is over soon, so that tests need not wait.
pub(crate) const LEASE: Duration = Duration::from_millis(600);

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl<D: ReadDatabase> World<D> {
    /// A runner, as another process would have.
    pub(crate) fn projections(&self) -> Projections<D> {
        let mut options = ProjectionOptions::default();
        options.lease = LEASE;
        Projections::new(self.store.clone(), self.models.clone()).with(Balances).options(options)
    }

    /// Waits until the read model has seen all of the log.
    pub(crate) async fn caught_up(&self) {
        let position = self.store.head().await.unwrap();
        let token = ConsistencyToken { log_id: self.store.log_id(), position };
        let visibility = self.projections().visibility().clone();
        while let Err(error) = visibility.wait_for(Balances::NAME, token, PATIENCE).await {
            // Nothing serves before the first build is complete.
            assert!(matches!(error, annals::WaitError::NotServing { .. }), "{error:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until a generation has this state.
    pub(crate) async fn until(&self, number: u32, state: GenerationState) {
        loop {
            let generations = self.models.generations().await.unwrap();
            let is_there =
                generations.iter().any(|one| one.key.number == number && one.state == state);
            if is_there {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn assert_is_the_fold(&self) {
        assert_eq!(self.models.rows().await, fold(&*self.store).await);
        for status in self.projections().status().await.unwrap() {
            assert_eq!(status.dead_letters, 0, "{status:?}");
        }
    }
}
