//! A saga that decides what its first event says, and an instance of it.

use std::collections::BTreeMap;
use std::time::Duration;

use annals_derive::DomainEvent;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aggregate::Aggregate;
use crate::event::EventEnvelope;
use crate::id::EventId;
use crate::metadata::Metadata;
use crate::position::{Position, Sequence};
use crate::saga::{
    Correlation, Dispatch, Input, OpenStep, Saga, SagaCommand, SagaError, SagaEvent, SagaEventOf,
    SagaInstance, SagaState, Steps,
};
use crate::stream::StreamId;

/// What to decide on which input; [`named`] says what inputs are called.
pub(super) type Plan = BTreeMap<String, Vec<Ask>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ask {
    Do { name: String, undo: Option<String>, within_seconds: Option<u64> },
    Set { name: String, seconds: u64 },
    Unset { name: String },
    Complete,
    Fail,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "crate")]
pub(super) enum ScriptEvent {
    Told { plan: Plan },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scripted {
    plan: Plan,
    pub(super) heard: Vec<String>,
}

impl Saga for Scripted {
    const TYPE: &'static str = "scripted";
    type Event = ScriptEvent;
    type Command = String;
    type Rejection = String;
    type Timer = String;
    type Signal = String;

    fn correlate(event: &EventEnvelope<ScriptEvent>) -> Correlation {
        Correlation::Begins(event.stream.aggregate_id().to_owned())
    }

    fn apply(&mut self, input: &Input<Self>) {
        if let Input::Event(ScriptEvent::Told { plan }) = input {
            self.plan.extend(plan.clone());
        }
        self.heard.push(named(input));
    }

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        let asked = self.plan.get(&named(input)).map(Vec::as_slice).unwrap_or_default();
        asked.iter().fold(Steps::none(), |steps, ask| match ask {
            Ask::Do { name, undo, within_seconds } => {
                let mut dispatch = Dispatch::new(name.clone());
                if let Some(undo) = undo {
                    dispatch = dispatch.compensated_by(undo.clone());
                }
                if let Some(seconds) = within_seconds {
                    dispatch = dispatch.within(Duration::from_secs(*seconds));
                }
                steps.dispatch(dispatch)
            }
            Ask::Set { name, seconds } => {
                steps.set_timer(name.clone(), Duration::from_secs(*seconds))
            }
            Ask::Unset { name } => steps.cancel_timer(name.clone()),
            Ask::Complete => steps.complete(),
            Ask::Fail => steps.fail("planned"),
        })
    }
}

fn named(input: &Input<Scripted>) -> String {
    match input {
        Input::Event(_) => "told".to_owned(),
        Input::Succeeded(command) => format!("{command} done"),
        Input::Rejected { command, .. } => format!("{command} rejected"),
        Input::Overdue(command) => format!("{command} late"),
        Input::Fired(timer) => format!("{timer} fired"),
        Input::Signal { signal, .. } => format!("{signal} signalled"),
        Input::Compensated { .. } => "compensated".to_owned(),
    }
}

pub(super) fn plan(entries: &[(&str, &[Ask])]) -> Plan {
    entries.iter().map(|(input, asked)| ((*input).to_owned(), asked.to_vec())).collect()
}

/// A step that is not compensated.
pub(super) fn once(name: &str) -> Ask {
    Ask::Do { name: name.to_owned(), undo: None, within_seconds: None }
}

/// A step that is compensated by `undo <name>`.
pub(super) fn undoable(name: &str) -> Ask {
    Ask::Do { name: name.to_owned(), undo: Some(format!("undo {name}")), within_seconds: None }
}

pub(super) fn within(name: &str, seconds: u64) -> Ask {
    Ask::Do { name: name.to_owned(), undo: None, within_seconds: Some(seconds) }
}

pub(super) fn set(name: &str, seconds: u64) -> Ask {
    Ask::Set { name: name.to_owned(), seconds }
}

pub(super) fn unset(name: &str) -> Ask {
    Ask::Unset { name: name.to_owned() }
}

pub(super) fn told(plan: Plan, position: u64) -> EventEnvelope<ScriptEvent> {
    EventEnvelope {
        position: Position::ZERO.plus(position),
        stream: StreamId::new("script", "one").unwrap(),
        sequence: Sequence::ZERO.plus(position),
        event_id: EventId::new(),
        timestamp: DateTime::UNIX_EPOCH,
        metadata: Metadata::default(),
        event: ScriptEvent::Told { plan },
    }
}

/// An instance with its history. Whatever it is told, replaying what it answers makes the state
/// that it had when it answered.
#[derive(Default)]
pub(super) struct Run {
    pub(super) instance: SagaInstance<Scripted>,
    pub(super) events: Vec<SagaEventOf<Scripted>>,
    pub(super) now: DateTime<Utc>,
    taken: u64,
}

impl Run {
    /// An instance that has begun with this plan.
    pub(super) fn begin(entries: &[(&str, &[Ask])]) -> Self {
        let mut run = Self::default();
        run.take(plan(entries)).unwrap();
        run
    }

    /// Gives how many events came of it.
    pub(super) fn tell(&mut self, command: SagaCommand<Scripted>) -> Result<usize, SagaError> {
        let before = value(&self.instance);
        let (mut decided, mut events) = (self.instance.clone(), Vec::new());
        let outcome = decided.obey(command.clone(), &mut events);
        assert_eq!(value(&self.instance), before);
        match self.instance.handle(command, &()) {
            Ok(handled) => assert_eq!((outcome, &handled), (Ok(()), &events)),
            Err(error) => return Err(outcome.map(|()| error.clone()).unwrap_err()),
        }
        for event in &events {
            self.instance.apply(event);
        }
        assert_eq!(value(&self.instance), value(&decided), "after {events:#?}");
        let count = events.len();
        self.events.append(&mut events);
        Ok(count)
    }

    pub(super) fn take(&mut self, plan: Plan) -> Result<usize, SagaError> {
        self.taken += 1;
        let event = Box::new(told(plan, self.taken));
        self.tell(SagaCommand::TakeEvent { event, begins: true, at: self.now })
    }

    pub(super) fn succeed(&mut self, name: &str) -> Result<usize, SagaError> {
        let step = self.open(name).number;
        self.tell(SagaCommand::Succeed { step, attempts: 1, at: self.now })
    }

    pub(super) fn reject(&mut self, name: &str) -> Result<usize, SagaError> {
        let OpenStep { number, round, .. } = self.open(name);
        let (rejection, at) = ("no".to_owned(), self.now);
        self.tell(SagaCommand::Reject { step: number, round, rejection, attempts: 1, at })
    }

    pub(super) fn cancel(&mut self, name: &str) -> Result<usize, SagaError> {
        let step = self.open(name).number;
        self.tell(SagaCommand::Cancel { step, at: self.now })
    }

    pub(super) fn park(&mut self, name: &str) -> Result<usize, SagaError> {
        let (step, error) = (self.open(name).number, "no answer".to_owned());
        self.tell(SagaCommand::Park { step, attempts: 5, error, is_untold: false, at: self.now })
    }

    /// Parks the timer that is due first, or the step that is overdue.
    pub(super) fn park_due(&mut self) -> Result<usize, SagaError> {
        let (step, error) = (self.instance.first_due(self.now).unwrap(), "a panic".to_owned());
        self.tell(SagaCommand::Park { step, attempts: 5, error, is_untold: true, at: self.now })
    }

    pub(super) fn tick(&mut self) -> Result<usize, SagaError> {
        self.fire(usize::MAX)
    }

    pub(super) fn fire(&mut self, fire_max: usize) -> Result<usize, SagaError> {
        self.tell(SagaCommand::Tick { at: self.now, fire_max })
    }

    pub(super) fn tick_after(&mut self, seconds: i64) -> Result<usize, SagaError> {
        self.now += TimeDelta::seconds(seconds);
        self.tick()
    }

    pub(super) fn signal(&mut self, signal: &str) -> Result<usize, SagaError> {
        let (signal, by) = (signal.to_owned(), "ann".to_owned());
        self.tell(SagaCommand::Signal { signal, by, at: self.now })
    }

    pub(super) fn retry(&mut self) -> Result<usize, SagaError> {
        let (by, why) = ("ann".to_owned(), "mended".to_owned());
        self.tell(SagaCommand::Retry { by, why, at: self.now })
    }

    pub(super) fn compensate(&mut self) -> Result<usize, SagaError> {
        let (by, why) = ("ann".to_owned(), "unwanted".to_owned());
        self.tell(SagaCommand::Compensate { by, why, at: self.now })
    }

    pub(super) fn abandon(&mut self) -> Result<usize, SagaError> {
        let (by, why) = ("ann".to_owned(), "settled by hand".to_owned());
        self.tell(SagaCommand::Abandon { by, why, at: self.now })
    }

    /// The first open step with this command.
    pub(super) fn open(&self, name: &str) -> OpenStep<String> {
        let step = self.instance.open_steps().find(|step| step.command == name);
        step.cloned().unwrap_or_else(|| panic!("{name} is not open: {:?}", self.instance))
    }

    /// The commands of the open steps, by number.
    pub(super) fn opened(&self) -> Vec<&str> {
        self.instance.open_steps().map(|step| step.command.as_str()).collect()
    }

    pub(super) fn timers(&self) -> Vec<&str> {
        self.instance.timers().map(|timer| timer.timer.as_str()).collect()
    }

    pub(super) fn state(&self) -> SagaState {
        self.instance.state()
    }

    /// What the saga heard, the first event aside.
    pub(super) fn heard(&self) -> Vec<&str> {
        self.instance.saga().heard.iter().skip(1).map(String::as_str).collect()
    }

    pub(super) fn count(&self, is_counted: fn(&SagaEventOf<Scripted>) -> bool) -> usize {
        self.events.iter().filter(|event| is_counted(event)).count()
    }
}

/// The state as it is saved.
pub(super) fn value(instance: &SagaInstance<Scripted>) -> Value {
    serde_json::to_value(instance).unwrap()
}

/// An event without steps whose state must not matter, to be recognised by its kind.
pub(super) fn is_fired(event: &SagaEventOf<Scripted>) -> bool {
    matches!(event, SagaEvent::TimerFired { .. })
}
