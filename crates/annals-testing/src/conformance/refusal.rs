//! G7: refused appends, and how they leave their neighbours alone.

use annals_core::{
    Append, AppendCondition, AppendError, BoxFuture, CommandId, EventQuery, EventStore, Position,
};

use super::harness::Harness;
use super::race::{in_flight, poll_once, race};
use super::reading::{head, read_log, read_stream};
use super::sample::{
    acknowledged, at, commanded, conditional, event, events, new_log, pos, seq, stream,
};

/// **G7** A refused append leaves no trace: nothing becomes readable, no position is used up.
///
/// Nobody who waits is told of it, and its command id is free to be used again.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g7_refused_append_leaves_no_trace(harness: &dyn Harness) {
    const ROUNDS: u64 = 5;
    let log = new_log(harness).await;
    let store = log.store();
    let [own, fresh] = ["own", "fresh"].map(stream);
    let _ = acknowledged(&*store, conditional(events(&own, 2), at(&own, 0))).await;
    for round in 0..ROUNDS {
        let before = read_log(&*store).await;
        let mut news = store.wait_past(head(&*store).await);
        let conditions = [
            at(&own, 0),
            at(&fresh, 1),
            AppendCondition::default().nothing_new(EventQuery::all(), Position::ZERO),
        ];
        for condition in conditions {
            let id = CommandId::new();
            let several = vec![event(&fresh), event(&own), event(&stream(format!("{round}")))];
            let refused = store.append(commanded(several, condition.clone(), id)).await;
            assert!(
                matches!(
                    refused,
                    Err(AppendError::Conflict { .. } | AppendError::ConditionFailed { .. })
                ),
                "{condition:?} did not hold: {refused:?}"
            );
            assert_eq!(read_log(&*store).await, before, "a refused append is readable");
            assert_eq!(head(&*store).await, pos(before.len() as u64), "a position was used up");
            assert_eq!(read_stream(&*store, &fresh).await, [], "a refused append is readable");
            let found = store.find_command(id).await.expect("a healthy store can be read");
            assert_eq!(found, None, "a refused append stands in the ledger");
            let told = poll_once(&mut news).await;
            assert!(told.is_none(), "a refused append was announced: {told:?}");
        }
        let id = CommandId::new();
        let refused = store.append(commanded(events(&own, 3), at(&own, 0), id)).await;
        assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
        let again = commanded(events(&own, 1), at(&own, 2 + round), id);
        let appended = acknowledged(&*store, again).await;
        assert!(!appended.repeated, "a refused append was taken for written");
        assert_eq!(appended.first_position, pos(before.len() as u64 + 1), "a position is missing");
    }
}

/// **G7** A refused append does not disturb others that are in flight with it.
///
/// Doomed and good appends arrive together, from several threads and from one. Every good one is
/// written, no doomed one is.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g7_refused_append_does_not_disturb_its_neighbours(harness: &dyn Harness) {
    const ROUNDS: u64 = 5;
    const APPENDS: u64 = 24;
    let log = new_log(harness).await;
    let store = log.store();
    for round in 0..ROUNDS {
        let before = head(&*store).await;
        let tasks = (0..APPENDS).map(|number| -> BoxFuture<'static, _> {
            let store = log.store();
            let append = good_or_doomed(&format!("race-{round}-{number}"), number);
            Box::pin(async move { store.append(append).await })
        });
        assert_verdicts(race(tasks).await);
        let together = (0..APPENDS)
            .map(|number| store.append(good_or_doomed(&format!("flight-{round}-{number}"), number)))
            .collect();
        assert_verdicts(in_flight(together).await);
        let good = APPENDS - APPENDS / 3;
        assert_eq!(head(&*store).await, before.plus(2 * 2 * good), "a position was used up");
        read_log(&*store).await;
    }
}

/// Every third is doomed: its stream does not exist, and it expects that it does.
fn good_or_doomed(id: &str, number: u64) -> Append {
    let own = stream(id);
    conditional(events(&own, 2), at(&own, u64::from(number % 3 == 2)))
}

fn assert_verdicts(outcomes: Vec<Result<annals_core::Appended, AppendError>>) {
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(_) => assert_ne!(number % 3, 2, "a doomed append was written"),
            Err(AppendError::Conflict { .. }) => {
                assert_eq!(number % 3, 2, "a good append was refused with its neighbours");
            }
            Err(error) => panic!("a healthy store answers: {error:?}"),
        }
    }
}

/// Appends are taken in the order in which their futures are first polled.
///
/// So appends to one stream can be in flight together, each expecting what the one before leaves
/// behind; one that is refused does not take those with it that do not depend on it.
///
/// # Panics
///
/// If the promise is broken.
pub async fn appends_are_taken_in_the_order_they_are_first_polled(harness: &dyn Harness) {
    const APPENDS: u64 = 40;
    let log = new_log(harness).await;
    let store = log.store();
    let own = stream("own");
    let in_order = (0..APPENDS).map(|n| store.append(conditional(events(&own, 1), at(&own, n))));
    for (number, outcome) in (1..).zip(in_flight(in_order.collect()).await) {
        let appended = outcome.expect("the one before was taken first");
        assert_eq!(appended.sequences, [seq(number)]);
    }
    let expected = [APPENDS, APPENDS, APPENDS + 1, APPENDS + 3, APPENDS + 2];
    let outcomes = expected.map(|n| store.append(conditional(events(&own, 1), at(&own, n))));
    let is_written: Vec<bool> =
        in_flight(outcomes.into()).await.iter().map(Result::is_ok).collect();
    assert_eq!(is_written, [true, false, true, false, true]);
    read_log(&*store).await;
}
