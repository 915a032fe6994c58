//! A future that has been set going and is awaited later.

use std::future::poll_fn;
use std::task::Poll;

use annals_core::BoxFuture;

/// A future after its first poll.
///
/// Stores queue an append, or hand a read to a thread, when its future is first polled. Polling
/// once and awaiting later is therefore how work overlaps without a task of its own.
pub(crate) enum Started<'a, T> {
    Ready(T),
    Pending(BoxFuture<'a, T>),
}

impl<'a, T> Started<'a, T> {
    /// Polls `future` once. This never waits.
    pub(crate) async fn new(mut future: BoxFuture<'a, T>) -> Self {
        match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            Poll::Ready(output) => Self::Ready(output),
            Poll::Pending => Self::Pending(future),
        }
    }

    pub(crate) async fn finish(self) -> T {
        match self {
            Self::Ready(output) => output,
            Self::Pending(future) => future.await,
        }
    }
}
