//! Given, when, then for sagas.

use std::fmt::{self, Debug};
use std::time::Duration;

use annals_core::{
    Correlation, Dispatch, EventEnvelope, EventId, Input, Metadata, OpenStep, Position,
    RecordedStep, Saga, SagaCommand, SagaEvent, SagaEventOf, SagaInstance, SagaState, Sequence,
    Steps, StreamId,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::laws;
use super::telling::{self, Telling};

/// Begins a test of a saga, of which no instance has begun yet.
///
/// ```
/// # use annals_core::{Correlation, Dispatch, EventEnvelope, Input, Saga, SagaState, Steps};
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// use annals_testing::given_saga;
/// # #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// # enum TripEvent { Booked }
/// # use TripEvent::Booked;
/// # #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// # enum TripStep { Reserve(String), Release(String) }
/// # use TripStep::{Release, Reserve};
/// # #[derive(Default, Clone, Serialize, Deserialize)]
/// # struct Trip;
/// # impl Saga for Trip {
/// #     const TYPE: &'static str = "trip";
/// #     type Event = TripEvent;
/// #     type Command = TripStep;
/// #     type Rejection = String;
/// #     type Timer = ();
/// #     type Signal = ();
/// #     fn correlate(event: &EventEnvelope<TripEvent>) -> Correlation {
/// #         Correlation::Begins(event.stream.aggregate_id().to_owned())
/// #     }
/// #     fn apply(&mut self, _: &Input<Self>) {}
/// #     fn decide(&self, input: &Input<Self>) -> Steps<Self> {
/// #         match input {
/// #             Input::Event(Booked) => Steps::none().dispatch(reserve("flight")),
/// #             Input::Succeeded(Reserve(what)) if what == "flight" => {
/// #                 Steps::none().dispatch(reserve("room"))
/// #             }
/// #             Input::Rejected { rejection, .. } => Steps::none().fail(rejection),
/// #             _ => Steps::none(),
/// #         }
/// #     }
/// # }
/// # fn reserve(what: &str) -> Dispatch<TripStep> {
/// #     Dispatch::new(Reserve(what.into())).compensated_by(Release(what.into()))
/// # }
///
/// given_saga::<Trip>()
///     .told(Input::Event(Booked))
///     .when(Input::Succeeded(Reserve("flight".into())))
///     .then(Steps::none().dispatch(reserve("room")))
///     .when(Input::Rejected { command: Reserve("room".into()), rejection: "full".into() })
///     .then(Steps::none().fail("full"))
///     .then_compensates(Release("flight".into()))
///     .when(Input::Succeeded(Release("flight".into())))
///     .then_state(SagaState::Failed);
/// ```
///
/// What it is told must fit what it asked for: an outcome is that of an open step, a timer that
/// fires is one that is set, and moves the time on to when it is due. Along with the rule, every
/// test checks that deciding is pure, that each event of the instance can be written to the log and
/// comes back equal, and the snapshot law, as [`given()`](super::given()) does.
pub fn given_saga<G: Saga>() -> GivenSaga<G> {
    GivenSaga { events: Vec::new(), told: Vec::new(), now: DateTime::UNIX_EPOCH }
}

/// Which instance of `G` an event of `stream` concerns.
pub fn correlation_of<G: Saga>(stream: StreamId, event: G::Event) -> Correlation {
    G::correlate(&envelope(stream, 1, DateTime::UNIX_EPOCH, event))
}

/// What an instance has been told. Made by [`given_saga`].
#[must_use = "nothing is tested before `when` and `then`"]
pub struct GivenSaga<G: Saga> {
    events: Vec<SagaEventOf<G>>,
    told: Vec<String>,
    now: DateTime<Utc>,
}

/// What an instance is told in a test.
pub enum Told<G: Saga> {
    /// An input. [`Input::Compensated`] cannot be told, it comes by itself.
    Input(Input<G>),
    /// An open step was called off, because the instance has failed.
    CalledOff(G::Command),
    /// An operator has the instance compensated.
    CompensationOrdered,
}

impl<G: Saga> Debug for Told<G>
where
    G::Event: Debug,
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(input) => input.fmt(formatter),
            Self::CalledOff(command) => formatter.debug_tuple("CalledOff").field(command).finish(),
            Self::CompensationOrdered => formatter.write_str("CompensationOrdered"),
        }
    }
}

impl<G: Saga> From<Input<G>> for Told<G> {
    fn from(input: Input<G>) -> Self {
        Self::Input(input)
    }
}

/// What an instance answered. Made by [`GivenSaga::when`].
pub struct WhenTold<G: Saga> {
    telling: Telling,
    /// The events before, and those that came of it.
    given: GivenSaga<G>,
    before: usize,
    instance: SagaInstance<G>,
}

impl<G: Saga> GivenSaga<G>
where
    G::Event: Debug + PartialEq,
{
    /// This happened, after what is given so far.
    ///
    /// # Panics
    ///
    /// If the instance does not take it, or a law is broken.
    #[track_caller]
    pub fn told(self, told: impl Into<Told<G>>) -> Self {
        self.when(told).given
    }

    /// Tells the instance.
    ///
    /// # Panics
    ///
    /// If the instance does not take it, or a law is broken that holds for every saga; see
    /// [`given_saga`].
    #[must_use = "nothing is tested before `then`"]
    #[track_caller]
    pub fn when(mut self, told: impl Into<Told<G>>) -> WhenTold<G> {
        let told = told.into();
        let telling = Telling::new(telling::lines(self.told.iter().cloned()), &told);
        self.told.push(format!("{told:?}"));
        let instance: SagaInstance<G> = laws::replay(SagaInstance::default(), &self.events);
        let command = self.command(&telling, &instance, told);
        let events = match laws::handle_purely(&telling, &instance, &command, &()) {
            Ok(events) => events,
            Err(error) => telling.fail("that the instance takes it", &error.to_string()),
        };
        let fired = events.iter().filter(|event| is_timely(event)).count();
        if fired > 1 {
            telling.fail("that only this is due then", &telling::list(&events));
        }
        let before = self.events.len();
        self.events.extend(events);
        laws::events_come_back::<SagaInstance<G>>(&telling, &self.events);
        laws::snapshots_continue::<SagaInstance<G>>(&telling, &self.events);
        let instance = laws::replay(SagaInstance::default(), &self.events);
        WhenTold { telling, given: self, before, instance }
    }

    #[track_caller]
    fn command(
        &mut self,
        telling: &Telling,
        instance: &SagaInstance<G>,
        told: Told<G>,
    ) -> SagaCommand<G> {
        let number = |command: &G::Command| open(telling, instance, command).number;
        let (attempts, at) = (1, self.now);
        match told {
            Told::Input(Input::Event(event)) => {
                let position = self.told.len() as u64;
                let event = Box::new(envelope(sample_stream(telling), position, at, event));
                SagaCommand::TakeEvent { event, begins: true, at }
            }
            Told::Input(Input::Succeeded(command)) => {
                SagaCommand::Succeed { step: number(&command), attempts, at }
            }
            Told::Input(Input::Rejected { command, rejection }) => {
                let OpenStep { number, round, .. } = open(telling, instance, &command);
                SagaCommand::Reject { step: *number, round: *round, rejection, attempts, at }
            }
            Told::Input(Input::Overdue(command)) => {
                match open(telling, instance, &command).overdue_at {
                    Some(overdue_at) => self.tick(overdue_at),
                    None => telling.fail("a step with a time", "it has none, or was told already"),
                }
            }
            Told::Input(Input::Fired(timer)) => {
                match instance.timers().find(|set| set.timer == timer) {
                    Some(set) => self.tick(set.due_at),
                    None => telling.fail("a timer that is set", &timers(instance)),
                }
            }
            Told::Input(Input::Signal { signal, by }) => SagaCommand::Signal { signal, by, at },
            Told::Input(Input::Compensated { .. }) => telling.fail(
                "something that others tell it",
                "an instance tells itself that it is compensated",
            ),
            Told::CalledOff(command) => SagaCommand::Cancel { step: number(&command), at },
            Told::CompensationOrdered => {
                SagaCommand::Compensate { by: "test".to_owned(), why: "test".to_owned(), at }
            }
        }
    }

    fn tick(&mut self, due_at: DateTime<Utc>) -> SagaCommand<G> {
        self.now = self.now.max(due_at);
        SagaCommand::Tick { at: self.now, fire_max: usize::MAX }
    }
}

impl<G: Saga> WhenTold<G>
where
    G::Event: Debug + PartialEq,
{
    /// The saga decided exactly these steps, in this order. If it is compensated by that, what it
    /// decides then belongs to them; compensations do not, for they are not decided by the saga.
    ///
    /// # Panics
    ///
    /// If it decided something else.
    #[track_caller]
    pub fn then(self, expected: Steps<G>) -> Self {
        let actual = decided(self.events());
        if actual != expected {
            let [expected, actual] =
                [expected, actual].map(|steps| telling::list(steps.as_slice()));
            self.telling.fail(&expected, &actual);
        }
        self
    }

    /// The saga decided nothing.
    ///
    /// # Panics
    ///
    /// If it decided something.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then(Steps::none())
    }

    /// This is what is compensated next.
    ///
    /// # Panics
    ///
    /// If it is something else, or nothing.
    #[track_caller]
    pub fn then_compensates(self, expected: G::Command) -> Self {
        let actual: Vec<&G::Command> = self
            .events()
            .iter()
            .flat_map(SagaEvent::steps)
            .filter_map(|step| match step {
                RecordedStep::Dispatch { command, compensates: Some(_), .. } => Some(command),
                _ => None,
            })
            .collect();
        if actual != [&expected] {
            self.telling.fail(&format!("a compensation by\n{expected:?}"), &telling::list(&actual));
        }
        self
    }

    /// The instance is then in this state.
    ///
    /// # Panics
    ///
    /// If it is in another one.
    #[track_caller]
    pub fn then_state(self, expected: SagaState) -> Self {
        let actual = self.instance.state();
        if actual != expected {
            let open: Vec<&G::Command> =
                self.instance.open_steps().map(|step| &step.command).collect();
            let waits = format!("{actual:?}, with open steps\n{}", telling::list(&open));
            self.telling.fail(&format!("{expected:?}"), &waits);
        }
        self
    }

    /// Looks at the saga.
    ///
    /// # Panics
    ///
    /// If `look` does.
    #[track_caller]
    pub fn then_saga(self, look: impl FnOnce(&G)) -> Self {
        look(self.instance.saga());
        self
    }

    /// Goes on: tells the instance something more.
    ///
    /// # Panics
    ///
    /// As [`GivenSaga::when`].
    #[must_use = "nothing is tested before `then`"]
    #[track_caller]
    pub fn when(self, told: impl Into<Told<G>>) -> Self {
        self.given.when(told)
    }

    fn events(&self) -> &[SagaEventOf<G>] {
        self.given.events.get(self.before..).unwrap_or_default()
    }
}

impl<G: Saga> Debug for GivenSaga<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GivenSaga").field("told", &self.told).finish_non_exhaustive()
    }
}

impl<G: Saga> Debug for WhenTold<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("WhenTold").field(&self.given).finish()
    }
}

#[track_caller]
fn open<'a, G: Saga>(
    telling: &Telling,
    instance: &'a SagaInstance<G>,
    command: &G::Command,
) -> &'a OpenStep<G::Command> {
    match instance.open_steps().find(|step| step.command == *command) {
        Some(step) => step,
        None => {
            let open: Vec<_> = instance.open_steps().map(|step| &step.command).collect();
            telling.fail("the outcome of a step that is open", &telling::list(&open))
        }
    }
}

fn timers<G: Saga>(instance: &SagaInstance<G>) -> String {
    telling::list(&instance.timers().map(|set| &set.timer).collect::<Vec<_>>())
}

fn is_timely<E, C, R, T, G>(event: &SagaEvent<E, C, R, T, G>) -> bool {
    matches!(event, SagaEvent::TimerFired { .. } | SagaEvent::StepOverdue { .. })
}

/// The steps as the saga asked for them.
fn decided<G: Saga>(events: &[SagaEventOf<G>]) -> Steps<G> {
    let recorded = events.iter().flat_map(|event| {
        let at = event.at();
        event.steps().iter().map(move |step| (at, step))
    });
    recorded.fold(Steps::none(), |steps, (at, step)| match step.clone() {
        RecordedStep::Dispatch { compensates: Some(_), .. } => steps,
        RecordedStep::Dispatch { command, compensation, overdue_at, .. } => {
            let mut dispatch = Dispatch::new(command);
            if let Some(compensation) = compensation {
                dispatch = dispatch.compensated_by(compensation);
            }
            if let Some(overdue_at) = overdue_at {
                dispatch = dispatch.within(span(overdue_at - at));
            }
            steps.dispatch(dispatch)
        }
        RecordedStep::SetTimer { timer, due_at, .. } => steps.set_timer(timer, span(due_at - at)),
        RecordedStep::CancelTimer { timer } => steps.cancel_timer(timer),
        RecordedStep::Complete => steps.complete(),
        RecordedStep::Fail { reason } => steps.fail(reason),
    })
}

fn span(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

#[track_caller]
fn sample_stream(telling: &Telling) -> StreamId {
    match StreamId::new("given", "given") {
        Ok(stream) => stream,
        Err(error) => telling.fail("a valid stream", &error.to_string()),
    }
}

fn envelope<E>(stream: StreamId, place: u64, at: DateTime<Utc>, event: E) -> EventEnvelope<E> {
    EventEnvelope {
        position: Position::ZERO.plus(place),
        stream,
        sequence: Sequence::ZERO.plus(place),
        event_id: EventId::from_uuid(uuid::Uuid::nil()),
        timestamp: at,
        metadata: Metadata::default(),
        event,
    }
}
