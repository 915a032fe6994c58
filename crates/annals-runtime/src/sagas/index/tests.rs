//! The list says of every instance what its own history says.

use std::time::Duration;

use annals_core::{
    Aggregate, BoxError, Correlation, Dispatch, DomainEvent, EventEnvelope, EventId, EventKind,
    Input, LimitError, Metadata, Position, Saga, SagaCommand, SagaEvent, SagaEventOf, SagaInstance,
    Sequence, Steps, StreamId, Tag,
};
use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::{AnySagaEvent, SagaSummary};

/// Decides whatever the input before told it to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Scripted {
    script: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Line {
    Do { is_compensated: bool, is_timed: bool },
    SetTimer(u8),
    CancelTimer(u8),
    Complete,
    Fail,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Begun {
    script: Vec<Line>,
}

static BEGUN: EventKind =
    EventKind { name: "Begun", version: 1, aliases: &[], upcasters: &[], variant: 0 };

impl DomainEvent for Begun {
    fn kinds() -> Vec<&'static EventKind> {
        vec![&BEGUN]
    }

    fn find_kind(event_type: &str) -> Option<&'static EventKind> {
        (event_type == BEGUN.name).then_some(&BEGUN)
    }

    fn kind(&self) -> &'static EventKind {
        &BEGUN
    }

    fn tags(&self) -> Result<Vec<Tag>, LimitError> {
        Ok(Vec::new())
    }

    fn write_payload(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn read_payload(_: &'static EventKind, payload: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(payload)
    }
}

impl Saga for Scripted {
    const TYPE: &'static str = "scripted";
    type Event = Begun;
    type Command = u8;
    type Rejection = String;
    type Timer = u8;
    type Signal = Vec<Line>;

    fn correlate(_: &EventEnvelope<Begun>) -> Correlation {
        Correlation::Begins("1".to_owned())
    }

    fn apply(&mut self, input: &Input<Self>) {
        if let Input::Event(Begun { script }) | Input::Signal { signal: script, .. } = input {
            self.script.clone_from(script);
        }
    }

    fn decide(&self, _: &Input<Self>) -> Steps<Self> {
        self.script.iter().fold(Steps::none(), |steps, line| match line {
            Line::Do { is_compensated, is_timed } => {
                let mut dispatch = Dispatch::new(1);
                if *is_compensated {
                    dispatch = dispatch.compensated_by(2);
                }
                if *is_timed {
                    dispatch = dispatch.within(Duration::from_secs(2));
                }
                steps.dispatch(dispatch)
            }
            Line::SetTimer(timer) => steps.set_timer(*timer, Duration::from_secs(3)),
            Line::CancelTimer(timer) => steps.cancel_timer(*timer),
            Line::Complete => steps.complete(),
            Line::Fail => steps.fail("so it is written"),
        })
    }
}

fn script(random: &mut StdRng) -> Vec<Line> {
    let line = |random: &mut StdRng| match random.random_range(0..12) {
        0..=6 => Line::Do { is_compensated: random.random(), is_timed: random.random() },
        7 | 8 => Line::SetTimer(random.random_range(0..3)),
        9 => Line::CancelTimer(random.random_range(0..3)),
        10 => Line::Complete,
        _ => Line::Fail,
    };
    (0..random.random_range(0..3)).map(|_| line(random)).collect()
}

fn command(
    random: &mut StdRng,
    instance: &SagaInstance<Scripted>,
    at: DateTime<Utc>,
) -> SagaCommand<Scripted> {
    let steps: Vec<_> = instance.open_steps().map(|step| (step.number, step.round)).collect();
    let (step, round) = match steps.len() {
        0 => (1, 0),
        count => steps.get(random.random_range(0..count)).copied().unwrap(),
    };
    let (by, why) = ("alice".to_owned(), "because".to_owned());
    match random.random_range(0..20) {
        0..=7 => SagaCommand::Succeed { step, attempts: 1, at },
        8..=9 => SagaCommand::Reject { step, round, rejection: "no".to_owned(), attempts: 2, at },
        10..=11 => SagaCommand::Cancel { step, at },
        12 => {
            let timer = instance.timers().next().map(|timer| timer.number);
            let (step, is_untold) = match timer {
                Some(timer) if random.random() => (timer, true),
                _ => (step, random.random()),
            };
            SagaCommand::Park { step, attempts: 3, error: "away".to_owned(), is_untold, at }
        }
        13..=14 => SagaCommand::Tick { at, fire_max: random.random_range(1..4) },
        15..=16 => SagaCommand::Signal { signal: script(random), by, at },
        17 => SagaCommand::Retry { by, why, at },
        18 => SagaCommand::Compensate { by, why, at },
        _ if random.random_bool(0.1) => SagaCommand::Abandon { by, why, at },
        _ => SagaCommand::Signal { signal: script(random), by, at },
    }
}

/// As whoever keeps the list reads it: without knowing the saga's types.
fn read(event: &SagaEventOf<Scripted>) -> Result<AnySagaEvent, BoxError> {
    let payload = event.write_payload()?;
    Ok(SagaEvent::read_payload(event.kind(), &payload)?)
}

fn begin(random: &mut StdRng, at: DateTime<Utc>) -> SagaCommand<Scripted> {
    let event = Box::new(EventEnvelope {
        position: Position::new(1).unwrap(),
        stream: StreamId::new("script", "1").unwrap(),
        sequence: Sequence::new(1).unwrap(),
        event_id: EventId::new(),
        timestamp: at,
        metadata: Metadata::default(),
        event: Begun { script: script(random) },
    });
    SagaCommand::TakeEvent { event, begins: true, at }
}

#[test]
fn list_agrees_with_every_history() {
    let mut ended = 0;
    for seed in 0..2_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut at = DateTime::UNIX_EPOCH;
        let mut instance = SagaInstance::<Scripted>::default();
        let mut summary = SagaSummary::new("scripted", "1", at);
        let mut sequence = Sequence::ZERO;
        for round in 0..40 {
            at += TimeDelta::seconds(random.random_range(0..3));
            let command = match round {
                0 => begin(&mut random, at),
                _ => command(&mut random, &instance, at),
            };
            for event in instance.handle(command, &()).unwrap_or_default() {
                instance.apply(&event);
                sequence = sequence.plus(1);
                summary.take(&read(&event).unwrap(), sequence);
            }
            assert_agrees(&summary, &instance, seed);
        }
        ended += u32::from(instance.state().is_ended());
    }
    assert!(ended > 500, "only {ended} histories came to an end");
}

fn assert_agrees(summary: &SagaSummary, instance: &SagaInstance<Scripted>, seed: u64) {
    assert_eq!(summary.state, instance.state(), "seed {seed}");
    assert_eq!(summary.reason.as_deref(), instance.reason(), "seed {seed}");
    assert_eq!(summary.is_parked(), instance.is_parked(), "seed {seed}");
    let mut listed: Vec<_> = summary.open.clone();
    listed.sort_by_key(|step| step.number);
    let open = instance
        .open_steps()
        .map(|step| (step.number, step.overdue_at, step.compensates, step.parked.clone()));
    let listed = listed
        .into_iter()
        .map(|step| (step.number, step.overdue_at, step.compensates, step.parked));
    assert!(listed.eq(open), "seed {seed}: {summary:?} {instance:?}");
    let mut timers: Vec<_> = summary.timers.clone();
    timers.sort_by_key(|set| set.number);
    let timers = timers.into_iter().map(|set| (set.number, set.due_at, set.parked));
    let set = instance.timers().map(|set| (set.number, set.due_at, set.parked.clone()));
    assert!(timers.eq(set), "seed {seed}: {summary:?} {instance:?}");
    let now = summary.changed_at;
    let needs_attention = summary.attention_at().is_some_and(|attention| attention <= now);
    assert!(needs_attention || instance.first_due(now).is_none(), "seed {seed}: {summary:?}");
}
