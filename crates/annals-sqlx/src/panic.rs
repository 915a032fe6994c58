//! Code of projections that panics.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use annals_core::BoxError;

/// Takes a panic of a projection's code for an error: of one event, not of the process.
///
/// What the code has left in the middle is rolled back with its transaction, and its connection is
/// tested before it is used again.
pub(crate) async fn caught(
    code: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), BoxError> {
    let mut code = pin!(code);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| code.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let error = format!("the projection panicked: {}", text.unwrap_or_default());
            Poll::Ready(Err(error.into()))
        })
    })
    .await
}
