//! Given, when, then for decisions over a log.

use std::collections::HashMap;
use std::fmt::Debug;

use annals_core::{
    Decision, DomainEvent, EventEnvelope, Position, RecordedEvent, Sequence, StreamId, codec,
};

use super::laws;
use super::telling::{self, Telling};

/// Begins a test of a decision over an empty log.
///
/// ```
/// # use annals_core::{Decision, EventEnvelope, EventQuery, LimitError, QueryItem, StreamId, Tag};
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// use annals_testing::given_log;
/// # #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// # enum NameEvent { NameTaken { #[tag] name: String } }
/// # #[derive(Debug, PartialEq)]
/// # struct NameIsTaken;
/// # impl std::fmt::Display for NameIsTaken {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("taken") }
/// # }
/// # impl std::error::Error for NameIsTaken {}
/// # #[derive(Debug)]
/// # struct TakeName { user: StreamId, name: String }
/// # impl Decision for TakeName {
/// #     type Event = NameEvent;
/// #     type State = bool;
/// #     type Error = NameIsTaken;
/// #     type Services = ();
/// #     fn query(&self) -> Result<EventQuery, LimitError> {
/// #         EventQuery::any_of([QueryItem::new().tag(Tag::new("name", &self.name)?)])
/// #     }
/// #     fn apply(&self, is_taken: &mut bool, _: &EventEnvelope<NameEvent>) {
/// #         *is_taken = true;
/// #     }
/// #     fn decide(&self, is_taken: &bool, _: &())
/// #         -> Result<Vec<(StreamId, NameEvent)>, NameIsTaken> {
/// #         if *is_taken { return Err(NameIsTaken) }
/// #         Ok(vec![(self.user.clone(), NameEvent::NameTaken { name: self.name.clone() })])
/// #     }
/// # }
/// # let [ann, bob] = ["ann", "bob"].map(|id| StreamId::new("user", id).unwrap());
///
/// let taken = NameEvent::NameTaken { name: "ace".into() };
/// given_log(())
///     .when(TakeName { user: ann.clone(), name: "ace".into() })
///     .then([(ann.clone(), taken.clone())]);
/// given_log(())
///     .events([(ann, taken)])
///     .when(TakeName { user: bob, name: "ace".into() })
///     .then_rejected(NameIsTaken);
/// ```
///
/// The given events pass through the decision's query, as they would in a store. Along with the
/// rule, every test checks that deciding is pure, and that each event can be written to the log
/// and comes back equal.
pub fn given_log<D: Decision>(services: D::Services) -> GivenLog<D> {
    GivenLog { services, events: Vec::new() }
}

/// What stands in the log. Made by [`given_log`].
#[derive(Debug)]
#[must_use = "nothing is tested before `when` and `then`"]
pub struct GivenLog<D: Decision> {
    services: D::Services,
    events: Vec<(StreamId, D::Event)>,
}

/// What was decided. Made by [`GivenLog::when`].
#[derive(Debug)]
pub struct WhenDecided<D: Decision> {
    telling: Telling,
    outcome: Result<Vec<(StreamId, D::Event)>, D::Error>,
}

impl<D> GivenLog<D>
where
    D: Decision + Debug,
    D::Event: Debug + PartialEq,
{
    /// These events stand in the log, after what is given so far.
    pub fn events(mut self, events: impl IntoIterator<Item = (StreamId, D::Event)>) -> Self {
        self.events.extend(events);
        self
    }

    /// Decides.
    ///
    /// # Panics
    ///
    /// If the query exceeds a bound, an event does not come back from the log as it was, or the
    /// decision is not pure.
    #[must_use = "nothing is tested before `then`"]
    #[track_caller]
    pub fn when(self, decision: D) -> WhenDecided<D> {
        let telling = Telling::new(telling::list_of_streams(&self.events), &decision);
        let query = match decision.query() {
            Ok(query) => query,
            Err(error) => telling.fail("a query within the limits", &error.to_string()),
        };
        let mut state = D::State::default();
        for recorded in record(&telling, &self.events) {
            if query.matches(&recorded) {
                let envelope: EventEnvelope<D::Event> = codec::decode_envelope(&recorded)
                    .expect("the event was read back a moment ago");
                decision.apply(&mut state, &envelope);
            }
        }
        let [outcome, again] = [(); 2].map(|()| decision.decide(&state, &self.services));
        let [told, told_again] = [&outcome, &again].map(tell);
        if told != told_again {
            telling.fail(
                "the same when decided twice, since `decide` and its services are pure",
                &format!("first\n{told}\nthen\n{told_again}"),
            );
        }
        let _ = record(&telling, outcome.iter().flatten());
        WhenDecided { telling, outcome }
    }
}

fn tell<E: Debug>(outcome: &Result<Vec<(StreamId, E)>, impl Debug>) -> String {
    telling::outcome(outcome, telling::list_of_streams)
}

/// The events as they stand in a log.
#[track_caller]
fn record<'a, E>(
    telling: &Telling,
    events: impl IntoIterator<Item = &'a (StreamId, E)>,
) -> Vec<RecordedEvent>
where
    E: DomainEvent + Debug + PartialEq,
{
    let mut sequences: HashMap<&StreamId, Sequence> = HashMap::new();
    let mut recorded = Vec::new();
    for (stream, event) in events {
        let sequence = sequences.entry(stream).or_default();
        *sequence = sequence.plus(1);
        let position = Position::ZERO.plus(recorded.len() as u64 + 1);
        let event = laws::event_comes_back(telling, stream, event);
        recorded.push(RecordedEvent { position, sequence: *sequence, ..event });
    }
    recorded
}

impl<D> WhenDecided<D>
where
    D: Decision,
    D::Event: Debug + PartialEq,
{
    /// It led to exactly these events, in this order.
    ///
    /// # Panics
    ///
    /// If it led to something else.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = (StreamId, D::Event)>) -> Self {
        let expected: Vec<_> = expected.into_iter().collect();
        if self.outcome.as_ref().ok() != Some(&expected) {
            self.telling.fail(&telling::list_of_streams(&expected), &tell(&self.outcome));
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
    pub fn then_rejected(self, expected: D::Error) -> Self
    where
        D::Error: PartialEq,
    {
        if self.outcome.as_ref().err() != Some(&expected) {
            self.telling.fail(&telling::rejection(&expected), &tell(&self.outcome));
        }
        self
    }
}
