//! How the spans of a command end, above all if it fails.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    Decision, EventEnvelope, EventQuery, EventStore, LimitError, MemoryStore, QueryItem, StreamId,
};
use annals_runtime::{App, ExecuteError, Options, Projections};
use annals_testing::{Call, Fault, FaultyStore, MemoryReadModels};

use crate::spans::Spans;
use crate::tally::{Never, Tally, TallyEvent};

async fn raise(app: &App<()>) -> Result<(), ExecuteError<Never>> {
    app.execute::<Tally>(&"a".to_owned(), "Raise").await.map(drop)
}

/// The spans of a command whose append goes wrong so, each time.
async fn failed(fault: Fault) -> Spans {
    let store = FaultyStore::new(MemoryStore::new());
    let options = Options::default();
    for number in 1..=options.retry.attempts_max {
        store.plan(Call::Append, usize::try_from(number).unwrap(), fault.clone());
    }
    let app = App::with_options(Arc::new(store), None, (), options);
    let (spans, _watching) = Spans::watch();
    raise(&app).await.unwrap_err();
    spans
}

#[tokio::test(start_paused = true)]
async fn an_append_that_the_store_does_not_take_is_an_error_of_its_command() {
    for (fault, error_type) in
        [(Fault::Unavailable, "unavailable"), (Fault::RequestCut, "unknown_outcome")]
    {
        let spans = failed(fault).await;
        for name in ["append", "execute"] {
            let found = spans.of(name);
            let end = [Some("failed"), Some(error_type), Some("error")];
            assert_eq!((found.len(), found[0].end()), (1, end), "{found:?}");
        }
    }
}

#[tokio::test]
async fn a_conflict_is_no_error_and_the_command_counts_its_attempts() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let [one, other] = [(); 2].map(|()| App::new(Arc::clone(&store), ()));
    raise(&one).await.unwrap();
    raise(&other).await.unwrap();
    let (spans, _watching) = Spans::watch();
    // What it has in memory is a guess that does not hold any more.
    raise(&one).await.unwrap();
    let appends: Vec<_> = spans.of("append");
    assert_eq!(appends.len(), 2, "{appends:?}");
    assert_eq!(appends[0].end(), [Some("conflict"), None, None]);
    assert_eq!(appends[1].end(), [Some("written"), None, None]);
    let executed = spans.of("execute");
    assert_eq!(executed[0].end(), [Some("written"), None, None]);
    assert_eq!(executed[0].said("cqrs.attempts"), Some("2"));
}

/// Raises a tally that nobody has raised.
struct RaiseFirst;

impl Decision for RaiseFirst {
    type Event = TallyEvent;
    type State = u64;
    type Error = Never;
    type Services = ();

    fn query(&self) -> Result<EventQuery, LimitError> {
        let stream = StreamId::new("tally", "a")?;
        EventQuery::any_of([QueryItem::new().stream(stream)])
    }

    fn apply(&self, times: &mut u64, _: &EventEnvelope<TallyEvent>) {
        *times += 1;
    }

    fn decide(&self, times: &u64, (): &()) -> Result<Vec<(StreamId, TallyEvent)>, Never> {
        if *times > 0 {
            return Ok(Vec::new());
        }
        Ok(vec![(StreamId::new("tally", "a").unwrap(), TallyEvent::Raised)])
    }
}

#[tokio::test]
async fn a_decision_has_the_steps_of_a_command() {
    let app = App::new(Arc::new(MemoryStore::new()), ());
    let (spans, _watching) = Spans::watch();
    let _ = app.decide(RaiseFirst).await.unwrap();
    let decided = &spans.of("decide")[0];
    assert_eq!(decided.end(), [Some("written"), None, None]);
    assert_eq!(decided.said("cqrs.command"), Some("RaiseFirst"));
    assert_eq!(decided.said("cqrs.attempts"), Some("1"));
    let steps = [("load", None), ("handle", Some("decided")), ("append", Some("written"))];
    for (name, outcome) in steps {
        let found = spans.of(name);
        assert_eq!((found.len(), found[0].inside), (1, Some("decide")), "{found:?}");
        assert_eq!(found[0].end(), [outcome, None, None]);
    }
    assert_eq!(spans.of("load")[0].said("cqrs.state_source"), Some("events"));

    // Nothing is left to do.
    let (spans, _watching) = Spans::watch();
    let _ = app.decide(RaiseFirst).await.unwrap();
    assert_eq!(spans.of("decide")[0].end(), [Some("unchanged"), None, None]);
    assert_eq!(spans.of("load")[0].said("cqrs.event_count"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_read_model_that_does_not_get_there_in_time_is_an_error_of_what_is_written() {
    let store = Arc::new(MemoryStore::new());
    let projections = Projections::new(store.clone(), Arc::new(MemoryReadModels::new()));
    let mut options = Options::default();
    options.visible_within = Duration::from_secs(1);
    let app = App::with_options(store, None, (), options);
    let app = app.with_visibility(projections.visibility().clone());
    let (spans, _watching) = Spans::watch();
    let error =
        app.execute::<Tally>(&"a".to_owned(), "Raise").wait_for("raised").await.unwrap_err();
    assert!(matches!(error, ExecuteError::NotVisible { .. }), "{error:?}");
    let waited = &spans.of("wait for read model")[0];
    assert_eq!(waited.said("cqrs.projection"), Some("raised"));
    assert_eq!(waited.inside, Some("execute"));
    assert_eq!(waited.end(), [None, Some("not_visible"), Some("error")]);
    let executed = &spans.of("execute")[0];
    assert_eq!(executed.end(), [Some("written"), Some("not_visible"), Some("error")]);
}
