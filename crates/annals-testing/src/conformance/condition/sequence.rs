//! Expected sequences of streams.

use std::sync::Arc;

use annals_core::{AppendCondition, AppendError, EventStore, Sequence, StreamId};

use super::super::harness::Harness;
use super::super::reading::{head, read_log, read_stream};
use super::super::sample::{
    acknowledged, at, conditional, event, events, new_log, seq, stream, unconditional,
};
use super::race_for_one_winner;

/// **G5** "Must not exist" and "must be at n" are enforced for every n, 0 included, and too high
/// an n is a conflict as well.
///
/// Also with several streams in one condition of which only one is wrong, and with streams that
/// are not written to.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g5_expected_sequence_is_enforced_for_every_n(harness: &dyn Harness) {
    const LENGTH: u64 = 6;
    let log = new_log(harness).await;
    let store = log.store();
    let [own, other] = ["own", "other"].map(stream);
    for actual in 0..LENGTH {
        let wrong = (0..LENGTH + 2).filter(|n| *n != actual).map(seq).chain([Sequence::MAX]);
        for wrong in wrong {
            let condition = AppendCondition::default().expect_sequence(own.clone(), wrong);
            // Once as the stream's own next event, once as a bystander that is only looked at.
            for written in [&own, &other] {
                assert_conflict(&*store, written, &condition, (&own, wrong, seq(actual))).await;
            }
        }
        let appended =
            acknowledged(&*store, conditional(vec![event(&own)], at(&own, actual))).await;
        assert_eq!(appended.sequences, [seq(actual + 1)]);
    }
    let appended = acknowledged(&*store, conditional(events(&own, 3), at(&own, LENGTH))).await;
    assert_eq!(appended.sequences, [seq(LENGTH + 1), seq(LENGTH + 2), seq(LENGTH + 3)]);
    assert_eq!(read_stream(&*store, &other).await, [], "a refused append was written");
    every_stream_of_a_condition_counts(&*store).await;
    read_log(&*store).await;
}

/// Streams a, b, c at 1, 2, 3: every combination of right and wrong.
async fn every_stream_of_a_condition_counts(store: &dyn EventStore) {
    let streams = ["a", "b", "c"].map(stream);
    for (index, stream) in streams.iter().enumerate() {
        let _ = acknowledged(store, unconditional(events(stream, index + 1))).await;
    }
    let [first, second, last] = &streams;
    for choice in 1..8_usize {
        let mut condition = AppendCondition::default();
        let mut first_wrong = None;
        for (index, stream) in streams.iter().enumerate() {
            let actual = index as u64 + 1;
            let is_wrong = choice >> index & 1 == 1;
            // Too low, too high, and "must not exist" take turns.
            let wrong = match (index + choice) % streams.len() {
                0 => actual - 1,
                1 => actual + 1,
                _ => 0,
            };
            let expected = seq(if is_wrong { wrong } else { actual });
            if is_wrong && first_wrong.is_none() {
                first_wrong = Some((stream, expected, seq(actual)));
            }
            condition = condition.expect_sequence(stream.clone(), expected);
        }
        let first_wrong = first_wrong.expect("at least one is wrong");
        assert_conflict(store, last, &condition, first_wrong).await;
    }
    let right =
        at(first, 1).expect_sequence(second.clone(), seq(2)).expect_sequence(last.clone(), seq(3));
    let _ = acknowledged(store, conditional(vec![event(last)], right)).await;
}

/// `found`: the stream the conflict is about, what was expected of it, and where it is.
async fn assert_conflict(
    store: &dyn EventStore,
    written: &StreamId,
    condition: &AppendCondition,
    found: (&StreamId, Sequence, Sequence),
) {
    let before = head(store).await;
    match store.append(conditional(vec![event(written)], condition.clone())).await {
        Err(AppendError::Conflict { stream, expected, actual }) => {
            assert_eq!((&stream, expected, actual), found, "the conflict names something else");
        }
        other => panic!("{condition:?} should have been a conflict about {found:?}: {other:?}"),
    }
    assert_eq!(head(store).await, before, "a refused append used a position");
}

/// **G5** Of any number of racers on one boundary, exactly one wins: expected sequences.
///
/// On streams that exist and on ones that must not, with one and with several streams in the
/// condition, and where each racer writes to the stream that the other one expects to be unchanged.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g5_racers_on_one_sequence_have_one_winner(harness: &dyn Harness) {
    const RACERS: u64 = 12;
    const ROUNDS: u64 = 8;
    let log = new_log(harness).await;
    let store = log.store();
    let hot = stream("hot");
    for round in 0..ROUNDS {
        let fresh = stream(format!("fresh-{round}"));
        for (stream, expected) in [(&hot, round), (&fresh, 0)] {
            let append = conditional(vec![event(stream)], at(stream, expected));
            let appends = (0..RACERS).map(|_| append.clone()).collect();
            let (winner, losers) = race_for_one_winner(&store, appends).await;
            assert_eq!(winner.sequences, [seq(expected + 1)]);
            for loser in losers {
                assert!(
                    matches!(&loser, AppendError::Conflict { actual, .. }
                        if *actual == seq(expected + 1)),
                    "a loser met something else than the winner's event: {loser:?}"
                );
            }
        }
        crosswise_racers_have_one_winner(&store, round).await;
    }
    let events = read_log(&*store).await;
    assert_eq!(events.len() as u64, ROUNDS * 3, "a loser's event was written");
}

/// Each of several racers writes to a stream of its own and expects that no other has written.
async fn crosswise_racers_have_one_winner(store: &Arc<dyn EventStore>, round: u64) {
    let streams = [0, 1, 2, 3].map(|racer| stream(format!("cross-{round}-{racer}")));
    let nobody = streams.iter().fold(AppendCondition::default(), |condition, stream| {
        condition.expect_sequence(stream.clone(), Sequence::ZERO)
    });
    let appends = streams.iter().map(|own| conditional(vec![event(own)], nobody.clone())).collect();
    let _ = race_for_one_winner(store, appends).await;
}
