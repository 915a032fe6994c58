//! G6: the ledger of commands.

use std::sync::Arc;

use annals_core::{AppendCondition, AppendError, Appended, CommandId, EventStore, StreamId};

use super::harness::{Harness, LogUnderTest};
use super::race::{in_flight, race};
use super::reading::{head, read_log, read_stream};
use super::sample::{
    acknowledged, at, commanded, event, event_of, events, new_log, seq, stream, unconditional,
};

/// **G6** An append repeated with its command id writes nothing and returns the first outcome,
/// also after a restart.
///
/// Also when the repeat has other events or none, when its condition does not hold any more, and
/// when the first one had no events.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g6_repeated_command_id_returns_the_first_outcome(harness: &dyn Harness) {
    let mut log = new_log(harness).await;
    let [own, other] = ["own", "other"].map(stream);
    let store = log.store();
    let _ = acknowledged(&*store, unconditional(events(&other, 2))).await;
    let id = CommandId::new();
    let several = vec![event(&own), event(&other), event(&own)];
    let first = acknowledged(&*store, commanded(several, at(&own, 0), id)).await;
    assert!(!first.repeated, "nothing was there to be repeated");
    assert_eq!(first.sequences, [seq(1), seq(3), seq(2)]);
    let nothing_id = CommandId::new();
    let nothing =
        acknowledged(&*store, commanded(Vec::new(), AppendCondition::default(), nothing_id)).await;
    assert_eq!((nothing.count(), nothing.repeated), (0, false));
    assert_eq!(nothing.last_position(), first.last_position(), "an append of nothing took room");
    // What happens later does not change the first outcome.
    let _ = acknowledged(&*store, unconditional(events(&own, 1))).await;
    drop(store);
    for _ in 0..2 {
        assert_repeats(&*log, &own, (id, &first)).await;
        assert_repeats(&*log, &own, (nothing_id, &nothing)).await;
        log.reopen().await;
    }
    let unknown = log.store().find_command(CommandId::new()).await;
    assert_eq!(unknown.expect("a healthy store can be read"), None);
}

async fn assert_repeats(log: &dyn LogUnderTest, own: &StreamId, first: (CommandId, &Appended)) {
    let (id, first) = first;
    let store = log.store();
    let before = read_log(&*store).await;
    let expected = Appended { repeated: true, ..first.clone() };
    let holds = AppendCondition::default();
    let repeats = [
        commanded(events(own, first.count()), holds.clone(), id),
        commanded(events(own, 1), at(own, 0), id),
        commanded(events(&stream("elsewhere"), 5), holds.clone(), id),
        commanded(vec![event_of(own, "otherwise", &["a:b"])], holds.clone(), id),
        commanded(Vec::new(), holds, id),
    ];
    for repeat in repeats {
        assert_eq!(acknowledged(&*store, repeat).await, expected, "not the first outcome");
    }
    let found = store.find_command(id).await.expect("a healthy store can be read");
    assert_eq!(found, Some(expected), "the ledger tells something else");
    assert_eq!(read_log(&*store).await, before, "a repeat was written");
}

/// **G6** An append repeated with its command id is written once, also when both race.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g6_racing_repeats_are_written_once(harness: &dyn Harness) {
    const RACERS: usize = 8;
    const ROUNDS: u64 = 8;
    let mut log = new_log(harness).await;
    let own = stream("own");
    for round in 0..ROUNDS {
        let store = log.store();
        let id = CommandId::new();
        let [first, second] = [id, CommandId::new()];
        let attempts = (0..RACERS).map(|racer| {
            // Every third decided on other events, and half of them have no condition.
            let events = if racer % 3 == 0 { events(&own, 2) } else { vec![event(&own); 2] };
            let condition = match racer % 2 {
                0 => at(&own, round * 4),
                _ => AppendCondition::default(),
            };
            commanded(events, condition, first)
        });
        let attempts: Vec<_> = attempts.collect();
        let tasks = attempts.clone().into_iter().map(|attempt| {
            let store = Arc::clone(&store);
            async move { store.append(attempt).await }
        });
        assert_written_once(race(tasks).await, round * 4);
        // Without a race between threads: in flight together, so that a batch holds several.
        let attempts = attempts.into_iter().map(|attempt| {
            let (events, _, _) = attempt.into_parts();
            store.append(commanded(events, at(&own, round * 4 + 2), second))
        });
        assert_written_once(in_flight(attempts.collect()).await, round * 4 + 2);
        assert_eq!(head(&*store).await.get(), (round + 1) * 4);
        drop(store);
    }
    log.reopen().await;
    let store = log.store();
    assert_eq!(read_stream(&*store, &own).await.len() as u64, ROUNDS * 4);
    read_log(&*store).await;
}

fn assert_written_once(outcomes: Vec<Result<Appended, AppendError>>, before: u64) {
    let outcomes: Vec<Appended> =
        outcomes.into_iter().map(|outcome| outcome.expect("a repeat is not refused")).collect();
    let first_times = outcomes.iter().filter(|outcome| !outcome.repeated).count();
    assert_eq!(first_times, 1, "written more than once, or never: {outcomes:?}");
    for outcome in &outcomes {
        assert_eq!(outcome.sequences, [seq(before + 1), seq(before + 2)], "outcomes differ");
        assert_eq!(outcome.first_position.get(), before + 1, "outcomes differ");
    }
}

/// **G6** What an earlier command id led to can be looked up, and only that.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g6_ledger_tells_what_was_written(harness: &dyn Harness) {
    let log = new_log(harness).await;
    let store = log.store();
    let own = stream("own");
    let find = async |id| store.find_command(id).await.expect("a healthy store can be read");
    let (written, refused) = (CommandId::new(), CommandId::new());
    assert_eq!(find(written).await, None, "nothing is there yet");
    let first = acknowledged(&*store, commanded(events(&own, 2), at(&own, 0), written)).await;
    assert_eq!(find(written).await, Some(Appended { repeated: true, ..first }));
    let conflict = store.append(commanded(events(&own, 2), at(&own, 0), refused)).await;
    assert!(matches!(conflict, Err(AppendError::Conflict { .. })), "{conflict:?}");
    assert_eq!(find(refused).await, None, "a refused append stands in the ledger");
    let second = acknowledged(&*store, commanded(events(&own, 1), at(&own, 2), refused)).await;
    assert!(!second.repeated, "a refused append was taken for written");
    assert_eq!(find(refused).await, Some(Appended { repeated: true, ..second }));
}
