//! A saga about counters that are counted up a lot: it waits, for time or for somebody.

use std::time::Duration;

use annals_core::{BoxFuture, Correlation, EventEnvelope, Input, Saga, Steps};
use annals_runtime::{
    App, DispatchCommand, DispatchError, Dispatcher, Projections, Retry, SagaOptions, Sagas,
};
use annals_testing::MemoryReadModels;
use serde::{Deserialize, Serialize};

use crate::counter::CounterEvent;

/// Counted up by so much, a counter is waited for an hour; by more, somebody is told, in vain.
pub(crate) const WAITED: u64 = 100;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Escalation;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tell;

impl Saga for Escalation {
    const TYPE: &'static str = "escalation";
    type Event = CounterEvent;
    type Command = Tell;
    type Rejection = String;
    type Timer = ();
    type Signal = ();

    fn correlate(event: &EventEnvelope<CounterEvent>) -> Correlation {
        match event.event {
            CounterEvent::CountedALot { .. } => {
                Correlation::Begins(event.stream.aggregate_id().to_owned())
            }
            CounterEvent::CountedUp { .. } => Correlation::Nobody,
        }
    }

    fn apply(&mut self, _: &Input<Self>) {}

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        match input {
            Input::Event(CounterEvent::CountedALot { by: WAITED }) => {
                Steps::none().set_timer((), Duration::from_secs(3_600))
            }
            Input::Event(_) => Steps::none().dispatch(Tell),
            _ => Steps::none(),
        }
    }
}

impl DispatchCommand for Tell {
    type Services = ();
    type Rejection = String;

    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, (), String>,
    ) -> BoxFuture<'a, Result<(), DispatchError<String>>> {
        to.call(|_| async { Err(DispatchError::failed("nobody answers")) })
    }
}

pub(crate) fn sagas(
    app: &App<()>,
    projections: &Projections<MemoryReadModels>,
) -> Sagas<(), MemoryReadModels> {
    let mut options = SagaOptions::default();
    options.retry = Retry { attempts_max: 1, ..Retry::default() };
    Sagas::new(app.clone(), projections.clone()).with::<Escalation>().options(options)
}
