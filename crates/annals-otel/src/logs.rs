//! From `tracing` events to log records.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, Severity};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::spans::with_nearest;

/// Exports what is logged, with the trace it belongs to.
#[derive(Debug)]
pub(crate) struct Logs {
    logger: SdkLogger,
}

impl Logs {
    pub(crate) fn new(logger: SdkLogger) -> Self {
        Self { logger }
    }
}

impl<S> Layer<S> for Logs
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut record = self.logger.create_log_record();
        record.set_observed_timestamp(SystemTime::now());
        record.set_timestamp(SystemTime::now());
        record.set_target(event.metadata().target());
        record.set_severity_text(event.metadata().level().as_str());
        record.set_severity_number(severity(*event.metadata().level()));
        event.record(&mut Fields(&mut record));
        let span = context.event_span(event);
        let trace = span.and_then(|span| with_nearest(span, |it| it.context().clone()));
        if let Some(trace) = trace.filter(|trace| trace.is_valid()) {
            let flags = Some(trace.trace_flags());
            record.set_trace_context(trace.trace_id(), trace.span_id(), flags);
        }
        self.logger.emit(record);
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

struct Fields<'a>(&'a mut SdkLogRecord);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl Into<AnyValue>) {
        if field.name() == "message" {
            self.0.set_body(value.into());
        } else {
            self.0.add_attribute(field.name(), value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}
