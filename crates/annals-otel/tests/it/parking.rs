//! A step of a saga that does not succeed.

use std::sync::Arc;

use annals_core::telemetry::metric;
use annals_core::{BoxFuture, Correlation, EventEnvelope, Input, MemoryStore, Saga, Steps};
use annals_runtime::{
    App, DispatchCommand, DispatchError, Dispatcher, Projections, SagaOptions, Sagas,
};
use annals_testing::MemoryReadModels;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::listener::{listen, measured_of};
use crate::meal::{Meal, MealEvent, Never, until};
use crate::spans::Spans;

/// Cooks on a stove that never gets hot.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct ColdStove;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cook;

impl Saga for ColdStove {
    const TYPE: &'static str = "cold_stove";
    type Event = MealEvent;
    type Command = Cook;
    type Rejection = Never;
    type Timer = ();
    type Signal = ();

    fn correlate(event: &EventEnvelope<MealEvent>) -> Correlation {
        Correlation::Begins(event.stream.aggregate_id().to_owned())
    }

    fn apply(&mut self, _: &Input<Self>) {}

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        match input {
            Input::Event(_) => Steps::none().dispatch(Cook),
            _ => Steps::none().complete(),
        }
    }
}

impl DispatchCommand for Cook {
    type Services = ();
    type Rejection = Never;

    fn dispatch<'a>(
        self,
        _: Dispatcher<'a, (), Never>,
    ) -> BoxFuture<'a, Result<(), DispatchError<Never>>> {
        Box::pin(async { Err(DispatchError::failed("the stove is cold")) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_attempts_are_used_up_is_an_error_and_measured_as_one() {
    listen();
    let (spans, _watching) = Spans::watch();
    let store = Arc::new(MemoryStore::new());
    let app = App::new(store.clone(), ());
    let projections = Projections::new(store, Arc::new(MemoryReadModels::new()));
    let mut options = SagaOptions::default();
    options.retry.attempts_max = 2;
    let sagas = Sagas::new(app.clone(), projections).with::<ColdStove>().options(options);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(sagas.run(async {
        let _ = stopped.await;
    }));
    let _ = app.execute::<Meal>(&"a".to_owned(), MealEvent::MealBegun).await.unwrap();

    let label = ("cqrs.saga", ColdStove::TYPE);
    until(|| !measured_of(&metric::SAGA_STEP_DURATION, label).is_empty()).await;
    let measured = measured_of(&metric::SAGA_STEP_DURATION, label);
    assert_eq!(measured.len(), 1, "{measured:?}");
    for expected in [("cqrs.outcome", "parked"), ("error.type", "attempts_used_up")] {
        assert!(measured[0].labels.contains(&expected), "{measured:?}");
    }
    let steps = spans.of("saga step");
    let end = [Some("parked"), Some("attempts_used_up"), Some("error")];
    assert_eq!((steps.len(), steps[0].end()), (1, end), "{steps:?}");
    assert_eq!(steps[0].said("cqrs.saga_step"), Some("1"));
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}
