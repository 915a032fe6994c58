//! G2 and G8: what was acknowledged stays, and what was not can be found out.

use annals_core::{
    Append, AppendCondition, AppendError, Appended, BoxFuture, CommandId, EventStore,
    RecordedEvent, StreamId,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::harness::Harness;
use super::race::{poll_once, race};
use super::reading::{head, read_log, read_stream};
use super::sample::{
    acknowledged, at, commanded, conditional, event, event_with, events, new_log, seq, stream,
};

/// **G2** What was acknowledged survives a crash of process, machine or database.
///
/// The part that needs no crash: after every reopening each acknowledged event is there as it was,
/// as are the commands and what conditions depend on, and the log goes on behind its last event.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g2_acknowledged_events_survive_reopening(harness: &dyn Harness) {
    let mut log = new_log(harness).await;
    let shared = stream("shared");
    let mut written: Vec<RecordedEvent> = Vec::new();
    let mut commands: Vec<(CommandId, Appended)> = Vec::new();
    for round in 0..4 {
        let store = log.store();
        let before = read_log(&*store).await;
        assert_eq!(before, written, "reopening changed what is readable");
        assert_eq!(head(&*store).await.get(), written.len() as u64);
        for (id, first) in &commands {
            let found = store.find_command(*id).await.expect("a healthy store can be read");
            assert_eq!(found.as_ref(), Some(first), "reopening lost the outcome of a command");
        }
        assert_conflict(&*store, &shared, round + 1).await;
        let _ = acknowledged(&*store, conditional(vec![event(&shared)], at(&shared, round))).await;
        let appends = (0..6).map(|writer| -> BoxFuture<'static, _> {
            let store = log.store();
            Box::pin(async move {
                let own = stream(format!("{round}-{writer}"));
                let mut events = events(&own, writer);
                let payload = format!(r#"{{"round":{round},"text":"\n"}}"#);
                events.push(event_with(&own, "noted", &["round:any"], &payload));
                let id = CommandId::new();
                let append = commanded(events, AppendCondition::default(), id);
                (id, acknowledged(&*store, append).await)
            })
        });
        for (id, first) in race(appends).await {
            commands.push((id, Appended { repeated: true, ..first }));
        }
        written = read_log(&*store).await;
        assert_eq!(written.len() as u64, (round + 1) * (1 + 15 + 6), "acknowledged events differ");
        drop(store);
        log.reopen().await;
    }
}

async fn assert_conflict(store: &dyn EventStore, stream: &StreamId, wrong: u64) {
    match store.append(conditional(vec![event(stream)], at(stream, wrong))).await {
        Err(AppendError::Conflict { actual, .. }) => assert_eq!(actual, seq(wrong - 1)),
        other => panic!("the sequence of {stream} was forgotten: {other:?}"),
    }
}

/// **G8** If the outcome cannot be known, the error says exactly that, and repeating with the same
/// command id resolves it.
///
/// Callers give up at random moments and repeat, several at a time. Every command ends up written
/// exactly once. Whatever is answered with "nothing was written" was not.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g8_unknown_outcome_is_resolved_by_repeating(harness: &dyn Harness) {
    const WRITERS: u64 = 4;
    const COMMANDS: u64 = 25;
    const EVENTS: u64 = 2;
    let seed = harness.seed();
    println!("seed {seed}");
    let log = new_log(harness).await;
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, ()> {
        let store = log.store();
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(writer));
        Box::pin(async move {
            let own = stream(format!("{writer}"));
            for number in 0..COMMANDS {
                let events = (0..EVENTS).map(|_| event(&own)).collect();
                let append = commanded(events, at(&own, number * EVENTS), CommandId::new());
                let outcome = append_giving_up(&*store, append, &mut random).await;
                let sequences = [seq(number * EVENTS + 1), seq(number * EVENTS + 2)];
                assert_eq!(outcome.sequences, sequences, "the outcome is another command's");
            }
        })
    });
    race(writers).await;
    let store = log.store();
    for writer in 0..WRITERS {
        let written = read_stream(&*store, &stream(format!("{writer}"))).await;
        assert_eq!(written.len() as u64, COMMANDS * EVENTS, "a command was written twice or never");
    }
    assert_eq!(read_log(&*store).await.len() as u64, WRITERS * COMMANDS * EVENTS);
}

/// Appends until acknowledged, and drops the call after a few polls now and then.
async fn append_giving_up(store: &dyn EventStore, append: Append, random: &mut StdRng) -> Appended {
    /// Give up at most this often; then wait.
    const GIVEN_UP_MAX: usize = 3;
    for _ in 0..random.random_range(0..=GIVEN_UP_MAX) {
        let mut call = store.append(append.clone());
        for _ in 0..random.random_range(0..4) {
            match poll_once(&mut call).await {
                Some(outcome) => {
                    if let Some(appended) = judge(store, &append, outcome).await {
                        return appended;
                    }
                    break;
                }
                None => tokio::task::yield_now().await,
            }
        }
    }
    loop {
        let outcome = store.append(append.clone()).await;
        if let Some(appended) = judge(store, &append, outcome).await {
            return appended;
        }
        tokio::task::yield_now().await;
    }
}

/// The outcome if there is one; `None` if the append is to be repeated.
async fn judge(
    store: &dyn EventStore,
    append: &Append,
    outcome: Result<Appended, AppendError>,
) -> Option<Appended> {
    match outcome {
        Ok(appended) => Some(appended),
        Err(AppendError::Unknown { .. }) => None,
        Err(AppendError::Unavailable { .. }) => {
            let id = append.command_id().expect("every append of this check has one");
            let found = store.find_command(id).await.expect("a healthy store can be read");
            assert_eq!(found, None, "an append said to be not written was written");
            None
        }
        Err(error) => panic!("a repeat must resolve the outcome, not fail: {error:?}"),
    }
}
