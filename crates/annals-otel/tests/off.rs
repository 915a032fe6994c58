//! Telemetry that nobody has asked for. A process of its own, because it is started once in each.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test, in what it uses too")]

use std::sync::Mutex;

use annals_core::TraceContext;
use annals_core::telemetry::{
    self, Labels, Metric, Stopwatch, TARGET, Telemetry, current_trace, is_on, metric, span,
};
use annals_otel::{Lines, Options, Settings, outgoing};

static MEASURED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Remembering;

impl Telemetry for Remembering {
    fn measure(&self, metric: &'static Metric, _: f64, _: Labels<'_>) {
        MEASURED.lock().unwrap().push(metric.name);
    }

    fn current_trace(&self) -> Option<TraceContext> {
        None
    }
}

#[test]
fn as_long_as_nobody_asks_nothing_is_traced_and_no_clock_is_looked_at() {
    let options = Options { service: "test", version: "1", lines: Lines::Human, filter: "warn" };
    let running = annals_otel::start(&Settings::off(), &options).unwrap();
    assert!(!is_on());
    let span = tracing::info_span!(target: TARGET, span::EXECUTE.name);
    assert!(span.is_disabled());
    assert_eq!(span.in_scope(|| (current_trace(), outgoing())), (None, Vec::new()));

    // Begun while nobody listened, it has nothing to tell whoever comes later.
    let watch = Stopwatch::start();
    metric::COMMAND_CONFLICTS.count(1, &[]);
    telemetry::install(Remembering).unwrap();
    watch.stop(&metric::COMMAND_DURATION, &[]);
    assert!(MEASURED.lock().unwrap().is_empty());
    Stopwatch::start().stop(&metric::COMMAND_DURATION, &[]);
    assert_eq!(*MEASURED.lock().unwrap(), [metric::COMMAND_DURATION.name]);
    running.shut_down();
}
