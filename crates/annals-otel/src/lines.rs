//! Log lines on standard error.

use std::fmt;

use opentelemetry::trace::SpanContext;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::conversation::correlation_id;
use crate::spans::with_nearest;

/// How log lines look. Both name the trace they belong to, if there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lines {
    /// For people.
    #[default]
    Human,
    /// One JSON object each: `timestamp`, `level`, `target`, `message`, `correlation_id` (in a
    /// request, its id), `trace_id`, `span_id`, and what else was said in `fields`.
    Json,
}

/// Writes lines.
#[derive(Debug)]
pub(crate) struct LineFormat {
    lines: Lines,
    human: Format,
}

impl LineFormat {
    pub(crate) fn new(lines: Lines) -> Self {
        Self { lines, human: Format::default() }
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let innermost = || context.event_scope().and_then(|mut scope| scope.next());
        let span = innermost();
        let trace = span.and_then(|span| with_nearest(span, |it| it.context().clone()));
        let trace = trace.filter(SpanContext::is_valid);
        match self.lines {
            Lines::Human => {
                if let Some(trace) = trace {
                    write!(writer, "trace={} ", trace.trace_id())?;
                }
                self.human.format_event(context, writer, event)
            }
            Lines::Json => {
                let correlation_id = innermost().and_then(correlation_id);
                let line = Value::Object(json(event, correlation_id, trace.as_ref()));
                writeln!(writer, "{line}")
            }
        }
    }
}

fn json(
    event: &Event<'_>,
    correlation_id: Option<String>,
    trace: Option<&SpanContext>,
) -> Map<String, Value> {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let mut line = Map::new();
    let mut add = |name: &str, value: Value| line.insert(name.to_owned(), value);
    add("timestamp", now.into());
    add("level", event.metadata().level().as_str().to_lowercase().into());
    add("target", event.metadata().target().into());
    add("message", fields.message.into());
    if let Some(id) = correlation_id {
        add("correlation_id", id.into());
    }
    if let Some(trace) = trace {
        add("trace_id", trace.trace_id().to_string().into());
        add("span_id", trace.span_id().to_string().into());
    }
    if !fields.others.is_empty() {
        add("fields", fields.others.into());
    }
    line
}

#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.add(field, format!("{value:?}"));
        }
    }
}
