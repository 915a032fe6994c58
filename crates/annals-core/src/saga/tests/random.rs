//! Random sagas that are told random things.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use super::sample::{Ask, Plan, Run, Scripted, value};
use crate::aggregate::Aggregate;
use crate::codec;
use crate::json::Json;
use crate::position::{Position, Sequence};
use crate::saga::{
    OpenStep, RecordedStep, SagaCommand, SagaError, SagaEvent, SagaEventOf, SagaInstance, SagaState,
};
use crate::stream::StreamId;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TIMERS: [&str; 2] = ["t", "u"];

/// What an instance is told. Numbers are taken modulo what there is, and sometimes beyond.
#[derive(Debug, Clone)]
enum Telling {
    Take(Plan),
    Outcome {
        step: u8,
        outcome: Outcome,
    },
    Tick {
        after_seconds: u8,
    },
    /// The first of what is due cannot be told.
    ParkDue,
    Signal(&'static str),
    Retry,
    Compensate,
    Abandon,
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Succeeded,
    Rejected { earlier_round: bool },
    Cancelled,
    Parked,
}

fn ask() -> impl Strategy<Value = Ask> {
    let name = || proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
    let timer = || proptest::sample::select(&TIMERS[..]).prop_map(str::to_owned);
    prop_oneof![
        8 => (name(), any::<bool>(), option::of(0..20_u64)).prop_map(|(name, is_undone, within)| {
            let undo = is_undone.then(|| format!("undo {name}"));
            Ask::Do { name, undo, within_seconds: within }
        }),
        3 => (timer(), 0..20_u64).prop_map(|(name, seconds)| Ask::Set { name, seconds }),
        1 => timer().prop_map(|name| Ask::Unset { name }),
        1 => Just(Ask::Complete),
        1 => Just(Ask::Fail),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let mut inputs = vec!["told".to_owned(), "compensated".to_owned(), "x signalled".to_owned()];
    inputs.extend(TIMERS.map(|timer| format!("{timer} fired")));
    for name in NAMES {
        inputs.extend(["done", "rejected", "late"].map(|how| format!("{name} {how}")));
    }
    btree_map(proptest::sample::select(inputs), vec(ask(), 0..4), 0..12)
}

fn telling() -> impl Strategy<Value = Telling> {
    let outcome = prop_oneof![
        8 => Just(Outcome::Succeeded),
        4 => Just(Outcome::Rejected { earlier_round: false }),
        1 => Just(Outcome::Rejected { earlier_round: true }),
        4 => Just(Outcome::Cancelled),
        1 => Just(Outcome::Parked),
    ];
    prop_oneof![
        2 => plan().prop_map(Telling::Take),
        20 => (any::<u8>(), outcome).prop_map(|(step, outcome)| Telling::Outcome { step, outcome }),
        4 => (0..15_u8).prop_map(|after_seconds| Telling::Tick { after_seconds }),
        1 => Just(Telling::ParkDue),
        2 => Just(Telling::Signal("x")),
        2 => Just(Telling::Retry),
        1 => Just(Telling::Compensate),
        1 => Just(Telling::Abandon),
    ]
}

/// `Run::tell` compares the state that answered with the one that is replayed, each time.
fn tell(run: &mut Run, telling: Telling) -> Result<usize, SagaError> {
    let at = run.now;
    match telling {
        Telling::Take(plan) => run.take(plan),
        Telling::Outcome { step, outcome } => {
            let open: Vec<OpenStep<String>> = run.instance.open_steps().cloned().collect();
            let chosen = usize::from(step) % (open.len() + 1);
            // One more than there are: a step that has its outcome, or never was.
            let (step, round) =
                open.get(chosen).map_or((step.into(), 0), |open| (open.number, open.round));
            run.tell(match outcome {
                Outcome::Succeeded => SagaCommand::Succeed { step, attempts: 1, at },
                Outcome::Rejected { earlier_round } => SagaCommand::Reject {
                    step,
                    round: if earlier_round { round.saturating_sub(1) } else { round },
                    rejection: "no".to_owned(),
                    attempts: 1,
                    at,
                },
                Outcome::Cancelled => SagaCommand::Cancel { step, at },
                Outcome::Parked => {
                    let error = "?".to_owned();
                    SagaCommand::Park { step, attempts: 9, error, is_untold: false, at }
                }
            })
        }
        Telling::Tick { after_seconds } => run.tick_after(after_seconds.into()),
        Telling::ParkDue if run.instance.first_due(at).is_none() => Ok(0),
        Telling::ParkDue => Ok(run.park_due().expect("whatever is due can be parked")),
        Telling::Signal(signal) => run.signal(signal),
        Telling::Retry => run.retry(),
        Telling::Compensate => run.compensate(),
        Telling::Abandon => run.abandon(),
    }
}

/// Gives every step that is open an outcome, until nothing is left to do.
fn finish(run: &mut Run) {
    for _ in 0..1_000 {
        let Some(step) = run.instance.open_steps().next().cloned() else {
            if run.timers().is_empty() {
                return;
            }
            let due_at = run.instance.timers().map(|timer| timer.due_at).min().unwrap();
            run.now = run.now.max(due_at);
            if run.instance.is_parked() {
                run.retry().unwrap();
            }
            assert_ne!(run.tick(), Ok(0));
            continue;
        };
        let is_rejected = step.parked.as_ref().is_some_and(|parked| parked.is_rejected);
        let (step, at) = (step.number, run.now);
        let outcome = if is_rejected {
            run.retry()
        } else if run
            .instance
            .is_to_be_cancelled(&run.instance.find_open_step(step).unwrap().clone())
        {
            run.tell(SagaCommand::Cancel { step, at })
        } else {
            run.tell(SagaCommand::Succeed { step, attempts: 1, at })
        };
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

fn check_state(run: &Run) {
    let state = run.state();
    let open: Vec<OpenStep<String>> = run.instance.open_steps().cloned().collect();
    if state.is_ended() {
        assert!(run.timers().is_empty() && !run.instance.is_parked());
        assert!(open.is_empty() || state == SagaState::Abandoned);
    }
    match state {
        // There is always somebody who must do something next.
        SagaState::Compensating | SagaState::Completing => assert!(!open.is_empty()),
        SagaState::Failing => assert!(!open.is_empty() || !run.timers().is_empty()),
        _ => {}
    }
    if state == SagaState::Compensating {
        assert!(run.timers().is_empty());
        let compensations = open.iter().filter(|step| step.compensates.is_some()).count();
        assert!(compensations == 0 || (compensations, open.len()) == (1, 1), "{open:?}");
    }
}

/// What must be true of every history, told by the history alone.
fn check_history(run: &Run) {
    let mut numbers = 0;
    let mut open = BTreeMap::<u32, (Option<String>, bool)>::new();
    let mut to_compensate = Vec::new();
    let mut timers = BTreeSet::new();
    for event in &run.events {
        match event {
            SagaEvent::StepSucceeded { step, .. } => {
                let (compensation, _) = open.remove(step).expect("it was open");
                to_compensate.extend(compensation.map(|undo| (*step, undo)));
            }
            SagaEvent::StepRejected { step, .. } => {
                let (_, compensates) = open.get(step).expect("it was open");
                // A compensation that is rejected is tried again.
                if !compensates {
                    open.remove(step);
                }
            }
            SagaEvent::StepCancelled { step, .. } => {
                let (_, compensates) = open.remove(step).expect("it was open");
                assert!(!compensates);
            }
            SagaEvent::TimerFired { timer, .. } => assert!(timers.remove(timer), "fired twice"),
            SagaEvent::Compensated { .. } => {
                assert!(open.is_empty() && to_compensate.is_empty(), "{to_compensate:?}");
            }
            _ => {}
        }
        for step in event.steps() {
            match step {
                RecordedStep::Dispatch { number, command, compensation, compensates, .. } => {
                    assert!(*number > numbers);
                    numbers = *number;
                    if let Some(compensates) = compensates {
                        assert!(open.is_empty(), "compensated before all outcomes were known");
                        let last = to_compensate.pop().expect("it was done");
                        assert_eq!(last, (*compensates, command.clone()));
                    }
                    open.insert(*number, (compensation.clone(), compensates.is_some()));
                }
                RecordedStep::SetTimer { number, .. } => {
                    assert!(*number > numbers);
                    numbers = *number;
                    timers.insert(*number);
                }
                _ => {}
            }
        }
    }
}

/// The history through the log, from every snapshot on.
fn replay_recorded(run: &Run) {
    let stream = StreamId::new("scripted", "one").unwrap();
    let mut instance = SagaInstance::<Scripted>::default();
    for event in &run.events {
        let new = codec::encode(&stream, event, &Json::empty_object()).unwrap();
        let place = (Position::ZERO.plus(1), Sequence::ZERO.plus(1));
        let recorded = new.recorded_at(place.0, place.1, run.now);
        let read: SagaEventOf<Scripted> = codec::decode(&recorded).unwrap();
        assert_eq!(read, *event);
        instance = serde_json::from_value(value(&instance)).unwrap();
        instance.apply(&read);
    }
    assert_eq!(value(&instance), value(&run.instance));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_an_instance_is_told_its_history_tells_the_same(
        first in plan(),
        tellings in vec(telling(), 0..40),
    ) {
        let mut run = Run::default();
        run.take(first).unwrap();
        check_state(&run);
        for telling in tellings {
            let before = run.events.len();
            if tell(&mut run, telling).is_err() {
                assert_eq!(run.events.len(), before);
            }
            check_state(&run);
        }
        check_history(&run);
        replay_recorded(&run);
    }

    #[test]
    fn instance_that_fails_is_compensated_in_the_end(
        first in plan(),
        tellings in vec(telling(), 0..15),
    ) {
        let mut run = Run::default();
        run.take(first).unwrap();
        for telling in tellings {
            let _ = tell(&mut run, telling);
        }
        // Whatever it decides when compensated may go on for ever.
        let nothing = ["told", "compensated"].map(|input| (input.to_owned(), Vec::new()));
        let _ = run.take(nothing.into());
        if run.compensate().is_ok() {
            finish(&mut run);
            assert_eq!(run.state(), SagaState::Failed);
        }
        check_history(&run);
    }
}
