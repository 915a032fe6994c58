//! How an instance of a saga gets on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Dispatch, Input, OpenStep, Parked, RecordedStep, Saga, SagaError, SagaEvent, SagaEventOf,
    SagaInstance, SagaOrigin, SagaState, SetTimer, Step, TakenEvent,
};
use crate::limits::{SAGA_COMPENSATIONS_MAX, SAGA_OPEN_MAX, SAGA_STEPS_MAX, check_count};

/// A step in the words of `S`.
type RecordedStepOf<S> = RecordedStep<<S as Saga>::Command, <S as Saga>::Timer>;

impl<S: Saga> SagaInstance<S> {
    /// Takes an input and answers with the steps, numbered; all of them are then in the state.
    fn take(
        &mut self,
        input: &Input<S>,
        at: DateTime<Utc>,
    ) -> Result<Vec<RecordedStepOf<S>>, SagaError> {
        self.saga.apply(input);
        let steps = match self.state {
            SagaState::Running | SagaState::Completing | SagaState::Failing => {
                self.saga.decide(input).into_vec()
            }
            _ => Vec::new(),
        };
        check_count("steps decided at once", steps.len(), SAGA_STEPS_MAX)?;
        let mut recorded = Vec::new();
        for step in steps {
            let step = self.number(step, at);
            self.enact(&step, at);
            recorded.push(step);
            if self.state == SagaState::Compensating {
                // It has failed: what was asked for after that would only be called off again.
                break;
            }
        }
        recorded.extend(self.compensate_next(at));
        check_count("open steps of a saga instance", self.open.len(), SAGA_OPEN_MAX)?;
        check_count("timers of a saga instance", self.timers.len(), SAGA_OPEN_MAX)?;
        // Refused when it is decided: what is done already can always be recorded.
        let open = self.open.values().filter(|step| step.compensation.is_some()).count();
        let to_compensate = self.done.len() + open;
        check_count("steps to compensate", to_compensate, SAGA_COMPENSATIONS_MAX)?;
        Ok(recorded)
    }

    /// The next compensation, if it is time for one.
    fn compensate_next(&mut self, at: DateTime<Utc>) -> Option<RecordedStepOf<S>> {
        if self.state != SagaState::Compensating || !self.open.is_empty() {
            return None;
        }
        let (compensates, command) = self.done.last().cloned()?;
        let step = RecordedStep::Dispatch {
            number: self.numbered + 1,
            command,
            compensation: None,
            compensates: Some(compensates),
            overdue_at: None,
        };
        self.enact(&step, at);
        Some(step)
    }

    fn number(&self, step: Step<S::Command, S::Timer>, at: DateTime<Utc>) -> RecordedStepOf<S> {
        let number = self.numbered + 1;
        match step {
            Step::Dispatch(Dispatch { command, compensation, within }) => RecordedStep::Dispatch {
                number,
                command,
                compensation,
                compensates: None,
                overdue_at: within.map(|within| after(at, within)),
            },
            Step::SetTimer { timer, after: time } => {
                RecordedStep::SetTimer { number, timer, due_at: after(at, time) }
            }
            Step::CancelTimer { timer } => RecordedStep::CancelTimer { timer },
            Step::Complete => RecordedStep::Complete,
            Step::Fail { reason } => RecordedStep::Fail { reason },
        }
    }

    /// Changes the state by a step that was decided.
    pub(super) fn enact(&mut self, step: &RecordedStepOf<S>, at: DateTime<Utc>) {
        match step {
            RecordedStep::Dispatch { number, command, compensation, compensates, overdue_at } => {
                if compensates.is_some() {
                    self.done.pop();
                }
                self.numbered = *number;
                let step = OpenStep {
                    number: *number,
                    command: command.clone(),
                    compensation: compensation.clone(),
                    compensates: *compensates,
                    since: at,
                    overdue_at: *overdue_at,
                    round: 0,
                    parked: None,
                };
                self.open.insert(*number, step);
            }
            RecordedStep::SetTimer { number, timer, due_at } => {
                self.numbered = *number;
                self.timers.retain(|_, set| set.timer != *timer);
                let (number, timer, due_at) = (*number, timer.clone(), *due_at);
                self.timers.insert(number, SetTimer { number, timer, due_at, parked: None });
            }
            RecordedStep::CancelTimer { timer } => self.timers.retain(|_, set| set.timer != *timer),
            RecordedStep::Complete => {
                if self.state == SagaState::Running {
                    self.state = SagaState::Completing;
                    self.timers.clear();
                }
            }
            RecordedStep::Fail { reason } => self.fail(reason),
        }
    }

    fn fail(&mut self, reason: &str) {
        if matches!(self.state, SagaState::Running | SagaState::Completing) {
            self.state = SagaState::Compensating;
            self.reason = Some(reason.to_owned());
            self.timers.clear();
            for step in self.open.values_mut() {
                // What nobody knows the outcome of is found out by calling it off.
                step.parked = None;
                step.overdue_at = None;
            }
        }
    }

    /// Ends it if it has nothing left to do.
    pub(super) fn settle(&mut self) {
        if self.open.is_empty() {
            self.state = match self.state {
                SagaState::Completing => SagaState::Completed,
                SagaState::Failing if self.timers.is_empty() => SagaState::Failed,
                other => other,
            };
        }
        if self.state.is_ended() {
            // One may have been set after it was known that the aim is reached.
            self.timers.clear();
        }
    }

    /// All is compensated, and the saga has not been told.
    pub(super) fn is_compensated(&self) -> bool {
        self.state == SagaState::Compensating && self.open.is_empty() && self.done.is_empty()
    }

    /// What happens to the state by an event, before its steps. Gives what the saga is told.
    pub(super) fn absorb(&mut self, event: &SagaEventOf<S>) -> Option<Input<S>> {
        match event {
            SagaEvent::EventTaken { event: TakenEvent(event), at, .. } => {
                if self.state == SagaState::New {
                    self.state = SagaState::Running;
                    self.origin = Some(SagaOrigin {
                        position: event.position,
                        event_id: event.event_id,
                        correlation_id: event.metadata.correlation_id,
                        actor: event.metadata.actor.clone(),
                        trace: event.metadata.trace.clone(),
                        at: *at,
                    });
                }
                Some(Input::Event(event.event.clone()))
            }
            SagaEvent::StepSucceeded { step, .. } => {
                let OpenStep { number, command, compensation, compensates, .. } =
                    self.open.remove(step)?;
                if compensates.is_some() {
                    return None;
                }
                self.done.extend(compensation.map(|compensation| (number, compensation)));
                Some(Input::Succeeded(command))
            }
            SagaEvent::StepRejected { step, rejection, attempts, at, .. } => {
                let open = self.open.get_mut(step)?;
                if open.compensates.is_some() {
                    open.parked = Some(Parked {
                        since: *at,
                        attempts: *attempts,
                        error: rejection.to_string(),
                        is_rejected: true,
                        is_untold: false,
                    });
                    return None;
                }
                let command = self.open.remove(step)?.command;
                Some(Input::Rejected { command, rejection: rejection.clone() })
            }
            SagaEvent::StepCancelled { step, .. } => {
                self.open.remove(step);
                None
            }
            SagaEvent::StepOverdue { step, .. } => {
                let open = self.open.get_mut(step)?;
                open.overdue_at = None;
                Some(Input::Overdue(open.command.clone()))
            }
            SagaEvent::StepParked { step, attempts, error, is_untold, at } => {
                let parked = Parked {
                    since: *at,
                    attempts: *attempts,
                    error: error.clone(),
                    is_rejected: false,
                    is_untold: *is_untold,
                };
                let place = match self.open.get_mut(step) {
                    Some(open) => &mut open.parked,
                    None => &mut self.timers.get_mut(step)?.parked,
                };
                *place = Some(parked);
                None
            }
            SagaEvent::TimerFired { timer, .. } => {
                Some(Input::Fired(self.timers.remove(timer)?.timer))
            }
            SagaEvent::SignalTaken { signal, by, .. } => {
                Some(Input::Signal { signal: signal.clone(), by: by.clone() })
            }
            SagaEvent::Compensated { .. } => {
                self.state = SagaState::Failing;
                Some(Input::Compensated { reason: self.reason.clone().unwrap_or_default() })
            }
            SagaEvent::CompensationOrdered { why, .. } => {
                self.fail(why);
                None
            }
            SagaEvent::RetryOrdered { .. } => {
                self.timers.values_mut().for_each(|timer| timer.parked = None);
                for step in self.open.values_mut() {
                    if let Some(parked) = step.parked.take()
                        && parked.is_rejected
                    {
                        // The id of the round before is used up by the rejection.
                        step.round += 1;
                    }
                }
                None
            }
            SagaEvent::Abandoned { why, .. } => {
                self.state = SagaState::Abandoned;
                self.reason = Some(why.clone());
                self.timers.clear();
                None
            }
        }
    }

    /// Records `event`, with what is decided on it and what follows from that.
    pub(super) fn record(
        &mut self,
        mut event: SagaEventOf<S>,
        events: &mut Vec<SagaEventOf<S>>,
    ) -> Result<(), SagaError> {
        let at = event.at();
        let steps = match self.absorb(&event) {
            Some(input) => self.take(&input, at)?,
            None => self.compensate_next(at).into_iter().collect(),
        };
        if let Some(recorded) = event.steps_mut() {
            *recorded = steps;
        }
        events.push(event);
        if self.is_compensated() {
            let compensated = SagaEvent::Compensated { at, steps: Vec::new() };
            return self.record(compensated, events);
        }
        self.settle();
        Ok(())
    }

    pub(super) fn check_live(&self) -> Result<(), SagaError> {
        match self.state {
            SagaState::New => Err(SagaError::NotFound),
            state if state.is_ended() => Err(SagaError::Ended),
            _ => Ok(()),
        }
    }

    /// The step, if it can still be given an outcome.
    pub(super) fn check_open(&self, step: u32) -> Result<&OpenStep<S::Command>, SagaError> {
        self.check_live().map_err(|_| SagaError::Settled)?;
        let is_rejected = |open: &&OpenStep<_>| open.parked.as_ref().is_some_and(|p| p.is_rejected);
        self.open.get(&step).filter(|open| !is_rejected(open)).ok_or(SagaError::Settled)
    }

    /// Checks that a step or a timer can be left to an operator.
    pub(super) fn check_can_park(&self, number: u32, is_untold: bool) -> Result<(), SagaError> {
        self.check_live().map_err(|_| SagaError::Settled)?;
        let can_be = match (self.open.get(&number), self.timers.get(&number)) {
            // What is called off needs no operator.
            (Some(open), _) if self.is_to_be_cancelled(open) => false,
            (Some(open), _) if is_untold => open.overdue_at.is_some() && !is_left_untold(open),
            (Some(open), _) => open.parked.is_none(),
            (None, Some(timer)) => is_untold && timer.parked.is_none(),
            (None, None) => false,
        };
        if can_be { Ok(()) } else { Err(SagaError::Settled) }
    }

    /// The numbers and events of everything that is due, earliest first.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Vec<(u32, SagaEventOf<S>)> {
        let timers = self.timers.values().filter(|timer| timer.parked.is_none()).map(|timer| {
            let event = SagaEvent::TimerFired { timer: timer.number, at: now, steps: Vec::new() };
            (timer.due_at, timer.number, event)
        });
        let steps = self.open.values().filter(|step| !is_left_untold(step)).filter_map(|step| {
            let event = SagaEvent::StepOverdue { step: step.number, at: now, steps: Vec::new() };
            Some((step.overdue_at?, step.number, event))
        });
        let mut due: Vec<_> = timers.chain(steps).filter(|(due_at, ..)| *due_at <= now).collect();
        due.sort_by_key(|(due_at, ..)| *due_at);
        due.into_iter().map(|(_, number, event)| (number, event)).collect()
    }

    /// Fires what is due, as far as one append can hold.
    pub(super) fn fire_due(
        &mut self,
        now: DateTime<Utc>,
        fire_max: usize,
        events: &mut Vec<SagaEventOf<S>>,
    ) -> Result<(), SagaError> {
        let fire_max = fire_max.min(SAGA_OPEN_MAX / 2);
        for (_, event) in self.due(now).into_iter().take(fire_max) {
            // An earlier one may have cancelled this one.
            let is_still_set = match &event {
                SagaEvent::TimerFired { timer, .. } => self.timers.contains_key(timer),
                SagaEvent::StepOverdue { step, .. } => {
                    self.open.get(step).is_some_and(|open| open.overdue_at.is_some())
                }
                _ => false,
            };
            if is_still_set {
                self.record(event, events)?;
            }
        }
        Ok(())
    }
}

/// That it is overdue could not be told, and waits for an operator.
fn is_left_untold<C>(step: &OpenStep<C>) -> bool {
    step.parked.as_ref().is_some_and(|parked| parked.is_untold)
}

/// `at + duration`; the end of time if that is beyond it.
fn after(at: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| at.checked_add_signed(delta))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
