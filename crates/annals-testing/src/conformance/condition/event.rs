//! Expected last events of streams.

use std::sync::Arc;

use annals_core::{
    AppendCondition, AppendError, Appended, EventId, EventStore, NewEvent, StreamId,
};

use super::super::harness::Harness;
use super::super::race::in_flight;
use super::super::reading::{head, read_log, read_stream};
use super::super::sample::{
    acknowledged, at, conditional, event, events, new_log, seq, stream, unconditional,
};
use super::race_for_one_winner;

/// **G5** "Must be at n, with this event" also refuses another event with the same sequence.
///
/// A stream without events has none to be this one. Alone and among several streams, for events
/// just written, of the same append, in flight and from before the log was opened again; for one
/// that was refused, and for racers.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g5_expected_event_must_be_that_very_event(harness: &dyn Harness) {
    let mut log = new_log(harness).await;
    let [own, other] = ["own", "other"].map(stream);
    let mut last = EventId::new();
    let mut length = 0;
    assert_other_event(&*log.store(), &own, is_at(&own, 0, last), 0).await;
    for _ in 0..3 {
        let store = log.store();
        let mut written = events(&own, 3);
        written.insert(1, event(&other));
        let earlier = last;
        last = last_id(&written);
        let condition = match length {
            0 => at(&own, 0),
            _ => is_at(&own, length, earlier),
        };
        let _ = acknowledged(&*store, conditional(written.clone(), condition)).await;
        length += 3;
        let others = written.iter().map(NewEvent::event_id).filter(|id| *id != last);
        for wrong in others.chain([earlier, EventId::new()]) {
            assert_other_event(&*store, &own, is_at(&own, length, wrong), length).await;
        }
        assert_sequence(&*store, is_at(&own, length - 1, last), &own).await;
        assert_sequence(&*store, is_at(&own, length + 1, last), &own).await;
        assert_sequence(&*store, is_at(&own, 0, last), &own).await;
        // The later call for the same stream counts.
        let replaced =
            is_at(&own, length, EventId::new()).expect_sequence(own.clone(), seq(length));
        let bystander = conditional(vec![event(&stream("bystander"))], replaced);
        let _ = acknowledged(&*store, bystander).await;
        racers_have_one_winner(&store, &own).await;
        length += 1;
        last = last_of(&*store, &own).await;
        in_flight_events_are_compared(&*store, length).await;
        drop(store);
        log.reopen().await;
    }
    read_log(&*log.store()).await;
}

fn is_at(stream: &StreamId, sequence: u64, event_id: EventId) -> AppendCondition {
    AppendCondition::default().expect_event(stream.clone(), seq(sequence), event_id)
}

fn last_id(events: &[NewEvent]) -> EventId {
    events.last().expect("there are some").event_id()
}

async fn last_of(store: &dyn EventStore, stream: &StreamId) -> EventId {
    let events = read_stream(store, stream).await;
    events.last().expect("the stream exists").event_id
}

async fn assert_other_event(
    store: &dyn EventStore,
    own: &StreamId,
    condition: AppendCondition,
    at: u64,
) {
    let before = head(store).await;
    match store.append(conditional(vec![event(own)], condition)).await {
        Err(AppendError::Conflict { stream, expected, actual }) => {
            assert_eq!((&stream, expected, actual), (own, seq(at), seq(at)));
        }
        other => panic!("another event stands at {at} of {own}: {other:?}"),
    }
    assert_eq!(head(store).await, before, "a refused append used a position");
}

async fn assert_sequence(store: &dyn EventStore, condition: AppendCondition, own: &StreamId) {
    let outcome = store.append(conditional(vec![event(own)], condition)).await;
    assert!(
        matches!(&outcome, Err(AppendError::Conflict { expected, actual, .. })
            if expected != actual),
        "the right event at the wrong sequence: {outcome:?}"
    );
}

async fn racers_have_one_winner(store: &Arc<dyn EventStore>, own: &StreamId) {
    const RACERS: usize = 6;
    let length = read_stream(&**store, own).await.len() as u64;
    let condition = is_at(own, length, last_of(&**store, own).await);
    let appends = (0..RACERS).map(|_| conditional(vec![event(own)], condition.clone()));
    let (winner, _) = race_for_one_winner(store, appends.collect()).await;
    assert_eq!(winner.sequences, [seq(length + 1)]);
}

/// A chain in which one was refused: what was decided on top of it must not be written, though its
/// sequence has been reached by another.
async fn in_flight_events_are_compared(store: &dyn EventStore, round: u64) {
    let own = stream(format!("chain-{round}"));
    let chain: Vec<NewEvent> = events(&own, 5);
    let [first, refused, instead, dependent, next] = chain.as_slice() else {
        panic!("five events were made")
    };
    let append =
        |event: &NewEvent, condition| store.append(conditional(vec![event.clone()], condition));
    let outcomes = in_flight(vec![
        append(first, at(&own, 0)),
        append(refused, is_at(&own, 1, EventId::new())),
        append(instead, is_at(&own, 1, first.event_id())),
        append(dependent, is_at(&own, 2, refused.event_id())),
        append(next, is_at(&own, 2, instead.event_id())),
    ])
    .await;
    let is_written: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(is_written, [true, false, true, false, true], "{outcomes:?}");
    let several = is_at(&own, 3, next.event_id()).expect_sequence(stream("zero"), seq(0));
    let _: Appended = acknowledged(store, conditional(vec![event(&own)], several)).await;
    let _ = acknowledged(store, unconditional(events(&own, 1))).await;
}
