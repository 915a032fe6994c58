//! Log lines on standard error.

use std::error::Error;
use std::fmt;

use opentelemetry::trace::SpanContext;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::fmt::format::{DefaultVisitor, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::conversation::correlation_id;
use crate::fields;
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

/// Writes the fields of spans into lines, and those of events for people.
///
/// It is asked when a span is made, whether a line is ever written inside it or not.
#[derive(Debug)]
pub(crate) struct LineFields(pub(crate) Lines);

impl<'w> FormatFields<'w> for LineFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        match self.0 {
            Lines::Json => Ok(()),
            Lines::Human => {
                let mut visitor = ForPeople(DefaultVisitor::new(writer, true));
                fields.record(&mut visitor);
                visitor.0.finish()
            }
        }
    }
}

/// Passes on what is not only said to whoever exports.
struct ForPeople<'w>(DefaultVisitor<'w>);

impl Visit for ForPeople<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !fields::is_for_export(field) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.record_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !fields::is_for_export(field) {
            self.0.record_debug(field, value);
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{self, Sender};

    use annals_core::telemetry::span::field;
    use tracing::info_span;
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Passes on what is written.
    struct Written(Sender<u8>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            bytes.iter().for_each(|byte| self.0.send(*byte).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written when something is logged inside a span.
    fn line(lines: Lines) -> String {
        let (write, written) = mpsc::channel();
        let layer = fmt::layer()
            .with_writer(move || Written(write.clone()))
            .with_ansi(false)
            .fmt_fields(LineFields(lines))
            .event_format(LineFormat::new(lines));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = info_span!("request", { field::KIND } = "server", path = "/accounts");
            let _entered = span.enter();
            span.record(field::KIND, "client");
            tracing::error!(attempts = 3, error = &std::fmt::Error as &dyn Error, "not answered");
        });
        String::from_utf8(written.try_iter().collect()).unwrap()
    }

    #[test]
    fn people_read_the_fields_of_a_span_but_not_how_it_is_exported() {
        let line = line(Lines::Human);
        assert!(line.contains(r#"request{path="/accounts""#), "{line}");
        assert!(line.contains("not answered attempts=3 error="), "{line}");
        assert!(!line.contains("otel.") && !line.contains("client"), "{line}");
    }

    #[test]
    fn a_line_of_json_has_the_fields_of_what_is_logged() {
        let line: Value = serde_json::from_str(&line(Lines::Json)).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"error".into(), &"not answered".into()));
        assert_eq!(line["fields"]["attempts"], 3);
        assert_eq!(line["fields"].as_object().unwrap().len(), 2, "{line}");
    }
}
