//! Conflicts with other writers, outcomes that are unknown, and ids in great number.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_core::telemetry::metric;
use annals_core::{EventStore, MemoryStore};
use annals_runtime::App;
use annals_testing::{Call, Fault, FaultyStore};

use crate::listener::{count_of, listen, measured_of};
use crate::tally::Tally;

const COMMAND: &str = "cqrs.command";

async fn raise(app: &App<()>, id: &str, command: &'static str) {
    let _ = app.execute::<Tally>(&id.to_owned(), command).await.unwrap();
}

#[tokio::test]
async fn each_conflict_with_another_writer_is_counted_for_its_command() {
    listen();
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let [one, other] = [(); 2].map(|()| App::new(Arc::clone(&store), ()));
    raise(&one, "a", "First").await;
    raise(&other, "a", "Second").await;
    // What it has in memory is a guess that does not hold any more.
    raise(&one, "a", "Overtaken").await;
    let conflicts = measured_of(&metric::COMMAND_CONFLICTS, (COMMAND, "Overtaken"));
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert!(conflicts[0].labels.contains(&("cqrs.aggregate_type", "tally")));
    assert_eq!(measured_of(&metric::COMMAND_CONFLICTS, (COMMAND, "First")), []);
    let taken = measured_of(&metric::COMMAND_DURATION, (COMMAND, "Overtaken"));
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert!(taken[0].labels.contains(&("cqrs.outcome", "written")), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn each_append_that_is_sent_again_is_counted() {
    listen();
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::AnswerCut);
    let app = App::new(Arc::new(store), ());
    assert_eq!(count_of(&metric::APPEND_RESENT), 0);
    raise(&app, "a", "Resent").await;
    assert_eq!(count_of(&metric::APPEND_RESENT), 1);
}

/// However many aggregates and commands there are, their series stay as many.
#[tokio::test]
async fn ids_make_no_series() {
    listen();
    let app = App::new(Arc::new(MemoryStore::new()), ());
    for id in 0..500 {
        raise(&app, &format!("madeup-{id}"), "Counted").await;
    }
    let taken = measured_of(&metric::COMMAND_DURATION, (COMMAND, "Counted"));
    let series: BTreeSet<_> = taken.iter().map(|it| it.labels.clone()).collect();
    assert_eq!((taken.len(), series.len()), (500, 1), "{series:?}");
}
