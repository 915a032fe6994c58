//! A decision over whatever events a query selects.

use std::error::Error;

use crate::domain_event::DomainEvent;
use crate::event::EventEnvelope;
use crate::limits::LimitError;
use crate::query::EventQuery;
use crate::stream::StreamId;
use crate::telemetry;

/// A decision across streams: a query, a state folded from what matches, and events that are
/// written only if nothing new matches by then.
///
/// For rules that no single aggregate can guard: a unique name, a limit over several accounts, a
/// change to two of them in one step. The value itself carries the input, as a command does.
///
/// Source: "dynamic consistency boundaries", <https://dcb.events>.
pub trait Decision: Send + Sync {
    /// The events that are read and written.
    type Event: DomainEvent + Clone;
    /// What the rule needs to know.
    type State: Default + Send + Sync;
    /// Why it is rejected. Comes back to the caller as it is.
    type Error: Error + Send + Sync + 'static;
    /// What `decide` may ask besides the state. Plain values, no I/O.
    type Services: Send + Sync + 'static;

    /// What kind of decision it is, for traces and metrics; nothing of what is in it.
    ///
    /// If it is left out, it goes by the name of its type.
    fn name(&self) -> &'static str {
        telemetry::type_name_of::<Self>()
    }

    /// The events this decision depends on. Every one that matches must decode as
    /// [`Decision::Event`], so name the types where a stream or tag has others too.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if the query exceeds a bound.
    fn query(&self) -> Result<EventQuery, LimitError>;

    /// Changes the state by an event that matched.
    fn apply(&self, state: &mut Self::State, event: &EventEnvelope<Self::Event>);

    /// Decides, and changes nothing. Each event goes to the stream named with it.
    ///
    /// # Errors
    ///
    /// The rule that forbids it.
    fn decide(
        &self,
        state: &Self::State,
        services: &Self::Services,
    ) -> Result<Vec<(StreamId, Self::Event)>, Self::Error>;
}
