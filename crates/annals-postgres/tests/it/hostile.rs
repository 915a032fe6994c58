//! Schedules in which other stores have lost, doubled or misplaced events.
//!
//! Each runs with the statements of the store, with real sessions and in a fixed order of steps,
//! and once more with one thing broken on purpose, where it must be found out. A schedule gives
//! `Err` with what went wrong.

mod admission;
mod order;
mod outcome;
mod views;

/// What a schedule found out.
pub(crate) type Verdict = Result<(), String>;

/// The schedule holds with the store's own statements and goes red with the broken ones.
pub(crate) fn assert_told_apart(of_the_store: Verdict, broken: Verdict) {
    assert_eq!(of_the_store, Ok(()), "the store's own statements are wrong");
    let found = broken.expect_err("the schedule does not find the broken variant");
    println!("the broken variant was found out: {found}");
}

/// `Err` with the message unless the condition holds.
pub(crate) fn ensure(condition: bool, message: impl Into<String>) -> Verdict {
    if condition { Ok(()) } else { Err(message.into()) }
}

pub(crate) fn block_on<T>(schedule: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(schedule)
}
