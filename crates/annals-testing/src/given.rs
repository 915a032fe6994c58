//! Given, when, then: the rules of an aggregate as sentences.

mod laws;
mod log;
mod saga;
mod telling;

use std::fmt::Debug;

use annals_core::Aggregate;

pub use log::{GivenLog, WhenDecided, given_log};
pub use saga::{GivenSaga, Told, WhenTold, correlation_of, given_saga};

use telling::Telling;

/// Begins a test of an aggregate that nothing has happened to yet.
///
/// ```
/// # use annals_core::Aggregate;
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// use annals_testing::given;
/// # #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// # enum DoorEvent { Opened, Closed { by: String } }
/// # #[derive(Debug, Clone)]
/// # enum DoorCommand { Open, Close { by: String } }
/// # #[derive(Debug, PartialEq)]
/// # enum DoorError { IsOpen }
/// # impl std::fmt::Display for DoorError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("open") }
/// # }
/// # impl std::error::Error for DoorError {}
/// # #[derive(Default, Clone, Serialize, Deserialize)]
/// # struct Door { is_open: bool }
/// # impl Aggregate for Door {
/// #     const TYPE: &'static str = "door";
/// #     type Id = u64;
/// #     type Command = DoorCommand;
/// #     type Event = DoorEvent;
/// #     type Error = DoorError;
/// #     type Services = ();
/// #     fn handle(&self, command: DoorCommand, _: &()) -> Result<Vec<DoorEvent>, DoorError> {
/// #         match command {
/// #             DoorCommand::Open if self.is_open => Err(DoorError::IsOpen),
/// #             DoorCommand::Open => Ok(vec![DoorEvent::Opened]),
/// #             DoorCommand::Close { .. } if !self.is_open => Ok(vec![]),
/// #             DoorCommand::Close { by } => Ok(vec![DoorEvent::Closed { by }]),
/// #         }
/// #     }
/// #     fn apply(&mut self, event: &DoorEvent) {
/// #         self.is_open = matches!(event, DoorEvent::Opened);
/// #     }
/// # }
///
/// given::<Door>(())
///     .events([DoorEvent::Opened])
///     .when(DoorCommand::Close { by: "ann".into() })
///     .then([DoorEvent::Closed { by: "ann".into() }])
///     .then_state(|door| assert!(!door.is_open));
///
/// given::<Door>(())
///     .command(DoorCommand::Open)
///     .when(DoorCommand::Open)
///     .then_rejected(DoorError::IsOpen);
///
/// given::<Door>(()).when(DoorCommand::Close { by: "ann".into() }).then_nothing();
/// ```
///
/// Along with the rule, every test checks what must be true of any aggregate, for the history at
/// hand:
///
/// - `handle` is pure: asked twice it says the same, and it leaves the state alone. Services that
///   count or draw at random therefore do not fit; give ones that always say the same.
/// - The snapshot law: a state saved after any of the events, and read back, becomes by the events
///   after it what replaying all of them makes.
/// - Each event can be written to the log and comes back equal.
pub fn given<A: Aggregate>(services: A::Services) -> Given<A> {
    Given { services, events: Vec::new() }
}

/// What happened before. Made by [`given()`].
#[derive(Debug)]
#[must_use = "nothing is tested before `when` and `then`"]
pub struct Given<A: Aggregate> {
    services: A::Services,
    events: Vec<A::Event>,
}

/// What a command led to. Made by [`Given::when`].
#[derive(Debug)]
pub struct When<A: Aggregate> {
    telling: Telling,
    outcome: Result<Vec<A::Event>, A::Error>,
    state: A,
}

impl<A> Given<A>
where
    A: Aggregate,
    A::Event: Debug + PartialEq,
    A::Command: Debug,
{
    /// These events happened, after what is given so far.
    pub fn events(mut self, events: impl IntoIterator<Item = A::Event>) -> Self {
        self.events.extend(events);
        self
    }

    /// The events that this command leads to happened, after what is given so far.
    ///
    /// # Panics
    ///
    /// If the command is rejected.
    #[track_caller]
    pub fn command(self, command: A::Command) -> Self {
        let telling = Telling::new(telling::list(&self.events), &command);
        match self.replay().handle(command, &self.services) {
            Ok(events) => self.events(events),
            Err(rejection) => {
                telling.fail("given that the command is accepted", &format!("{rejection:?}"))
            }
        }
    }

    /// Handles `command`.
    ///
    /// # Panics
    ///
    /// If a law is broken that holds for every aggregate; see [`given()`].
    #[must_use = "nothing is tested before `then`"]
    #[track_caller]
    pub fn when(mut self, command: A::Command) -> When<A> {
        let telling = Telling::new(telling::list(&self.events), &command);
        let state = self.replay();
        let outcome = laws::handle_purely(&telling, &state, &command, &self.services);
        self.events.extend(outcome.iter().flatten().cloned());
        laws::events_come_back::<A>(&telling, &self.events);
        laws::snapshots_continue::<A>(&telling, &self.events);
        When { telling, outcome, state: self.replay() }
    }

    fn replay(&self) -> A {
        laws::replay(A::default(), &self.events)
    }
}

impl<A> When<A>
where
    A: Aggregate,
    A::Event: Debug + PartialEq,
{
    /// It led to exactly these events, in this order.
    ///
    /// # Panics
    ///
    /// If it led to something else.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) -> Self {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        if self.outcome.as_ref().ok() != Some(&expected) {
            self.telling.fail(&telling::list(&expected), &self.actual());
        }
        self
    }

    /// It led to nothing, which is a success.
    ///
    /// # Panics
    ///
    /// If it led to events or was rejected.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then([])
    }

    /// It was rejected for exactly this reason.
    ///
    /// # Panics
    ///
    /// If it was rejected for another one, or not at all.
    #[track_caller]
    pub fn then_rejected(self, expected: A::Error) -> Self
    where
        A::Error: PartialEq,
    {
        let wanted = telling::rejection(&expected);
        self.then_rejected_if(&wanted, |rejection| *rejection == expected)
    }

    /// It was rejected for a reason that `is_expected`; `wanted` names that in the message of a
    /// failure.
    ///
    /// # Panics
    ///
    /// If it was rejected for another one, or not at all.
    #[track_caller]
    pub fn then_rejected_if(
        self,
        wanted: &str,
        is_expected: impl FnOnce(&A::Error) -> bool,
    ) -> Self {
        if !self.outcome.as_ref().is_err_and(is_expected) {
            self.telling.fail(wanted, &self.actual());
        }
        self
    }

    /// Looks at the state after the events that the command led to.
    ///
    /// # Panics
    ///
    /// If `look` does.
    #[track_caller]
    pub fn then_state(self, look: impl FnOnce(&A)) -> Self {
        look(&self.state);
        self
    }

    fn actual(&self) -> String {
        telling::outcome(&self.outcome, telling::list)
    }
}
