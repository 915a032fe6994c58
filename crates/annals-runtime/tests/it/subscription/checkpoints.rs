//! A place for checkpoints that fails when it is told to.

use std::collections::HashMap;
use std::sync::Mutex;

use annals_core::{BoxFuture, Checkpoint, CheckpointStore, ReadModelsError};
use annals_testing::MemoryReadModels;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slip {
    /// It is not made.
    Refused,
    /// It is made, and its answer is lost.
    AnswerLost,
    /// It is made and never answered.
    Stuck,
    /// It is not made and never answered.
    NeverMade,
}

/// Counts its calls from 1, loads and saves alike.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    inner: MemoryReadModels,
    plan: Mutex<(usize, HashMap<usize, Slip>)>,
}

impl Checkpoints {
    pub(crate) fn on(self, call: usize, slip: Slip) -> Self {
        self.plan.lock().unwrap().1.insert(call, slip);
        self
    }

    pub(crate) fn slips_left(&self) -> usize {
        self.plan.lock().unwrap().1.len()
    }

    pub(crate) async fn kept(&self, name: &str) -> Checkpoint {
        self.inner.load_checkpoint(name).await.unwrap()
    }

    async fn call<T>(
        &self,
        call: BoxFuture<'_, Result<T, ReadModelsError>>,
    ) -> Result<T, ReadModelsError> {
        let slip = {
            let mut plan = self.plan.lock().unwrap();
            plan.0 += 1;
            let number = plan.0;
            plan.1.remove(&number)
        };
        match slip {
            None => call.await,
            Some(Slip::Refused) => Err(ReadModelsError::unavailable("refused")),
            Some(Slip::AnswerLost) => {
                let _ = call.await;
                Err(ReadModelsError::unavailable("the answer is lost"))
            }
            Some(Slip::Stuck) => {
                let _ = call.await;
                std::future::pending().await
            }
            Some(Slip::NeverMade) => std::future::pending().await,
        }
    }
}

impl CheckpointStore for Checkpoints {
    fn load_checkpoint(&self, name: &str) -> BoxFuture<'_, Result<Checkpoint, ReadModelsError>> {
        Box::pin(self.call(self.inner.load_checkpoint(name)))
    }

    fn save_checkpoint(
        &self,
        name: &str,
        from: Checkpoint,
        to: Checkpoint,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(self.call(self.inner.save_checkpoint(name, from, to)))
    }
}
