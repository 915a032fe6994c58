//! How late timers are.

use std::sync::Arc;
use std::time::Duration;

use annals_core::telemetry::metric;
use annals_core::{BoxFuture, Correlation, EventEnvelope, Input, MemoryStore, Saga, Steps};
use annals_runtime::{
    App, DispatchCommand, DispatchError, Dispatcher, Projections, SagaList, SagaOptions, Sagas,
};
use annals_testing::{ManualClock, MemoryReadModels};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::listener::{listen, measured_of};
use crate::meal::{Meal, MealEvent, Never, until};

/// Waits for a minute.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct EggTimer;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Nothing;

impl Saga for EggTimer {
    const TYPE: &'static str = "egg_timer";
    type Event = MealEvent;
    type Command = Nothing;
    type Rejection = Never;
    type Timer = ();
    type Signal = ();

    fn correlate(event: &EventEnvelope<MealEvent>) -> Correlation {
        Correlation::Begins(event.stream.aggregate_id().to_owned())
    }

    fn apply(&mut self, _: &Input<Self>) {}

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        match input {
            Input::Event(_) => Steps::none().set_timer((), Duration::from_secs(60)),
            _ => Steps::none().complete(),
        }
    }
}

impl DispatchCommand for Nothing {
    type Services = ();
    type Rejection = Never;

    fn dispatch<'a>(
        self,
        _: Dispatcher<'a, (), Never>,
    ) -> BoxFuture<'a, Result<(), DispatchError<Never>>> {
        Box::pin(async { Ok(()) })
    }
}

const EGG_TIMER: (&str, &str) = ("cqrs.saga", EggTimer::TYPE);

#[tokio::test(start_paused = true)]
async fn lateness_is_the_time_from_due_to_taken_up_and_instances_are_counted() {
    listen();
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    let app = App::new(store.clone(), ());
    let projections = Projections::new(store, Arc::new(MemoryReadModels::new()));
    let mut options = SagaOptions::default();
    options.look_every = Duration::from_millis(20);
    let sagas = Sagas::new(app.clone(), projections).with::<EggTimer>();
    let sagas = sagas.options(options).clock(clock.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(sagas.clone().run(async {
        let _ = stopped.await;
    }));
    let _ = app.execute::<Meal>(&"a".to_owned(), MealEvent::MealBegun).await.unwrap();

    let under_way = || measured_of(&metric::SAGA_INSTANCES, ("cqrs.saga_state", "running"));
    until(|| under_way().iter().any(|it| it.value >= 1.0 && it.labels.contains(&EGG_TIMER))).await;
    assert_eq!(measured_of(&metric::TIMER_LATENESS, EGG_TIMER), []);
    let oldest = || measured_of(&metric::SAGA_AGE, EGG_TIMER).last().map(|it| it.value);
    clock.advance(TimeDelta::seconds(30));
    until(|| oldest() == Some(30.0)).await;
    clock.advance(TimeDelta::seconds(30 + 45));
    until(|| !measured_of(&metric::TIMER_LATENESS, EGG_TIMER).is_empty()).await;
    let late = measured_of(&metric::TIMER_LATENESS, EGG_TIMER);
    assert_eq!(late.len(), 1, "{late:?}");
    assert!((late[0].value - 45.0).abs() < f64::EPSILON, "{late:?}");
    until(|| under_way().last().is_some_and(|it| it.value < 1.0) && oldest() == Some(0.0)).await;

    let ended = sagas.list(&SagaList { limit: 10, ..SagaList::default() }).await.unwrap();
    assert_eq!(ended.instances.len(), 1);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}
