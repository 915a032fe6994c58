//! Futures that begin together.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Poll;

use annals_core::BoxFuture;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Runs every task on a thread of the pool, released together by a barrier, and returns what they
/// give, in the order of the tasks.
///
/// # Panics
///
/// With the panic of a task, as soon as it panics: others may wait for what it would have done.
pub(crate) async fn race<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<F> = tasks.into_iter().collect();
    let barrier = Arc::new(Barrier::new(tasks.len()));
    let mut running = JoinSet::new();
    for (index, task) in tasks.into_iter().enumerate() {
        let barrier = Arc::clone(&barrier);
        running.spawn(async move {
            barrier.wait().await;
            (index, task.await)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(outcome) = running.join_next().await {
        outcomes.push(outcome.unwrap_or_else(|error| resume_unwind(error.into_panic())));
    }
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Polls every future once, in their order, and then all of them until they end: they are in
/// flight together, and a store takes them in this order.
pub(crate) async fn in_flight<T>(futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut slots: Vec<(BoxFuture<'_, T>, Option<T>)> =
        futures.into_iter().map(|future| (future, None)).collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for (future, outcome) in &mut slots {
            if outcome.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *outcome = Some(value),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    slots.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

/// Polls `future` once. `Some` if that was enough.
pub(crate) async fn poll_once<T>(future: &mut BoxFuture<'_, T>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
