//! Promises of the contract besides the numbered guarantees.

use std::sync::Arc;

use annals_core::{AppendCondition, AppendError, CommandId, EventQuery, Position};
use chrono::{DateTime, TimeDelta, Utc};

use super::harness::Harness;
use super::reading::read_log;
use super::sample::{
    acknowledged, at, commanded, conditional, event, events, new_log, seq, stream, unconditional,
};
use crate::clock::ManualClock;

/// Timestamps are whole microseconds and never step back, whatever the clock does, also when the
/// log is opened again.
///
/// # Panics
///
/// If the promise is broken.
pub async fn timestamps_never_step_back(harness: &dyn Harness) {
    let start: DateTime<Utc> =
        DateTime::from_timestamp(1_700_000_000, 0).expect("it is within chrono's range");
    let clock = Arc::new(ManualClock::new(start));
    let mut log = harness.create(clock.clone()).await;
    let own = stream("own");
    let offsets = [0, 1_999, 1_000, 5_000_000_001, -7_000_000_000, 6_000_000_000, 999];
    for offset in offsets.map(TimeDelta::nanoseconds) {
        clock.set(start + offset);
        let _ = acknowledged(&*log.store(), unconditional(events(&own, 2))).await;
        log.reopen().await;
    }
    // Checks that they rise.
    let events = read_log(&*log.store()).await;
    assert_eq!(events.len(), 2 * offsets.len());
    for pair in events.chunks(2) {
        let [first, second] = pair else { panic!("appends of two events") };
        assert_eq!(first.timestamp, second.timestamp, "one append, one time");
        let beyond_micros = first.timestamp.timestamp_subsec_nanos() % 1_000;
        assert_eq!(beyond_micros, 0, "{} has more than microseconds", first.timestamp);
    }
}

/// The ledger comes before the condition, the expected sequences before the query, and they in
/// the order of their streams.
///
/// # Panics
///
/// If the promise is broken.
pub async fn conditions_are_checked_in_the_documented_order(harness: &dyn Harness) {
    let log = new_log(harness).await;
    let store = log.store();
    let [a, b, c] = ["a", "b", "c"].map(stream);
    let id = CommandId::new();
    let first = acknowledged(&*store, commanded(events(&b, 2), at(&b, 0), id)).await;
    // Both kinds are wrong, and so are two of three streams.
    let wrong = AppendCondition::default()
        .nothing_new(EventQuery::all(), Position::ZERO)
        .expect_sequence(c.clone(), seq(4))
        .expect_sequence(b.clone(), seq(1))
        .expect_sequence(a.clone(), seq(0));
    match store.append(conditional(vec![event(&a)], wrong.clone())).await {
        Err(AppendError::Conflict { stream, expected, actual }) => {
            assert_eq!((stream, expected.get(), actual.get()), (b.clone(), 1, 2));
        }
        other => panic!("the first wrong stream should have been named: {other:?}"),
    }
    let right_sequences = at(&b, 2).nothing_new(EventQuery::all(), Position::ZERO);
    match store.append(conditional(vec![event(&a)], right_sequences)).await {
        Err(AppendError::ConditionFailed { at }) => assert!(at <= first.last_position()),
        other => panic!("the query should have been named: {other:?}"),
    }
    let repeat = acknowledged(&*store, commanded(vec![event(&a)], wrong, id)).await;
    assert!(repeat.repeated, "the condition was checked before the ledger");
    assert_eq!(repeat.sequences, first.sequences);
}
