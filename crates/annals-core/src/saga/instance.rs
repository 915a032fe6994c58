//! One run of a saga.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    OpenStep, Saga, SagaCommand, SagaError, SagaEvent, SagaEventOf, SagaOrigin, SagaState,
    SetTimer, TakenEvent,
};
use crate::aggregate::Aggregate;

/// One run of a saga: the saga's own state, and what the framework keeps of it.
///
/// It is an [`Aggregate`], so executing commands on it, its history, snapshots and states of
/// earlier times are those of any other.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct SagaInstance<S: Saga> {
    pub(super) saga: S,
    pub(super) state: SagaState,
    pub(super) origin: Option<SagaOrigin>,
    /// Why it failed, or was abandoned.
    pub(super) reason: Option<String>,
    /// How many steps and timers have been numbered.
    pub(super) numbered: u32,
    pub(super) open: BTreeMap<u32, OpenStep<S::Command>>,
    /// What would have to be compensated, oldest first.
    pub(super) done: Vec<(u32, S::Command)>,
    pub(super) timers: BTreeMap<u32, SetTimer<S::Timer>>,
}

impl<S: Saga> Default for SagaInstance<S> {
    fn default() -> Self {
        Self {
            saga: S::default(),
            state: SagaState::default(),
            origin: None,
            reason: None,
            numbered: 0,
            open: BTreeMap::new(),
            done: Vec::new(),
            timers: BTreeMap::new(),
        }
    }
}

impl<S: Saga> SagaInstance<S> {
    /// The saga's own state.
    pub fn saga(&self) -> &S {
        &self.saga
    }

    /// Where it stands.
    pub fn state(&self) -> SagaState {
        self.state
    }

    /// What it began with; `None` if it has not.
    pub fn origin(&self) -> Option<&SagaOrigin> {
        self.origin.as_ref()
    }

    /// Why it failed or was abandoned.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The steps without an outcome, by number.
    pub fn open_steps(&self) -> impl Iterator<Item = &OpenStep<S::Command>> {
        self.open.values()
    }

    /// The step with this number, if it has no outcome.
    pub fn find_open_step(&self, number: u32) -> Option<&OpenStep<S::Command>> {
        self.open.get(&number)
    }

    /// The timers that are set, by number.
    pub fn timers(&self) -> impl Iterator<Item = &SetTimer<S::Timer>> {
        self.timers.values()
    }

    /// Something waits for an operator.
    pub fn is_parked(&self) -> bool {
        let mut steps = self.open.values().map(|step| &step.parked);
        let mut timers = self.timers.values().map(|timer| &timer.parked);
        !self.state.is_ended() && (steps.any(Option::is_some) || timers.any(Option::is_some))
    }

    /// The number of the timer that is due first, or of the step that is overdue first; nothing if
    /// none is by then.
    pub fn first_due(&self, now: DateTime<Utc>) -> Option<u32> {
        let due = if self.state.is_ended() { Vec::new() } else { self.due(now) };
        due.first().map(|(number, _)| *number)
    }

    /// Whether this step is to be called off instead of dispatched: the instance has failed
    /// meanwhile. Compensations are not.
    pub fn is_to_be_cancelled(&self, step: &OpenStep<S::Command>) -> bool {
        self.state == SagaState::Compensating && step.compensates.is_none()
    }

    /// Changes the state by a command, and adds the events of it: those that then change any other
    /// copy of the state in the same way.
    pub(super) fn obey(
        &mut self,
        command: SagaCommand<S>,
        events: &mut Vec<SagaEventOf<S>>,
    ) -> Result<(), SagaError> {
        let steps = Vec::new();
        let event = match command {
            SagaCommand::TakeEvent { event, begins, at } => {
                if !(begins && self.state == SagaState::New) {
                    self.check_live()?;
                }
                SagaEvent::EventTaken { event: TakenEvent(*event), at, steps }
            }
            SagaCommand::Succeed { step, attempts, at } => {
                self.check_open(step)?;
                SagaEvent::StepSucceeded { step, attempts, at, steps }
            }
            SagaCommand::Reject { step, round, rejection, attempts, at } => {
                if self.check_open(step)?.round != round {
                    return Err(SagaError::Settled);
                }
                SagaEvent::StepRejected { step, round, rejection, attempts, at, steps }
            }
            SagaCommand::Cancel { step, at } => {
                if !self.is_to_be_cancelled(self.check_open(step)?) {
                    return Err(SagaError::Settled);
                }
                SagaEvent::StepCancelled { step, at, steps }
            }
            SagaCommand::Park { step, attempts, error, is_untold, at } => {
                self.check_can_park(step, is_untold)?;
                SagaEvent::StepParked { step, attempts, error, is_untold, at }
            }
            SagaCommand::Tick { at, fire_max } => {
                self.check_live()?;
                return self.fire_due(at, fire_max, events);
            }
            SagaCommand::Signal { signal, by, at } => {
                self.check_live()?;
                SagaEvent::SignalTaken { signal, by, at, steps }
            }
            SagaCommand::Retry { by, why, at } => {
                self.check_live()?;
                if !self.is_parked() {
                    return Err(SagaError::NotParked);
                }
                SagaEvent::RetryOrdered { by, why, at }
            }
            SagaCommand::Compensate { by, why, at } => {
                self.check_live()?;
                match self.state {
                    SagaState::Running => {}
                    // Its last step may tell the world, and be done at this moment.
                    SagaState::Completing => return Err(SagaError::Completing),
                    _ => return Err(SagaError::Compensating),
                }
                SagaEvent::CompensationOrdered { by, why, at, steps }
            }
            SagaCommand::Abandon { by, why, at } => {
                self.check_live()?;
                SagaEvent::Abandoned { by, why, at }
            }
        };
        self.record(event, events)
    }
}

impl<S: Saga> Aggregate for SagaInstance<S> {
    const TYPE: &'static str = S::TYPE;
    const STATE_VERSION: u32 = S::STATE_VERSION;
    type Id = String;
    type Command = SagaCommand<S>;
    type Event = SagaEventOf<S>;
    type Error = SagaError;
    type Services = ();

    fn handle(&self, command: SagaCommand<S>, _: &()) -> Result<Vec<SagaEventOf<S>>, SagaError> {
        let mut events = Vec::new();
        self.clone().obey(command, &mut events)?;
        Ok(events)
    }

    fn apply(&mut self, event: &SagaEventOf<S>) {
        let input = self.absorb(event);
        if let Some(input) = input {
            self.saga.apply(&input);
        }
        for step in event.steps() {
            self.enact(step, event.at());
        }
        if !self.is_compensated() {
            self.settle();
        }
    }
}
