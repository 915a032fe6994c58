//! What our spans say, to whoever exports them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_core::telemetry::TARGET;
use annals_core::telemetry::span::field;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span, and what it has said.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    name: &'static str,
    /// The name of the span it is part of.
    pub(crate) inside: Option<&'static str>,
    fields: Vec<(&'static str, String)>,
}

impl Seen {
    /// What it said last of something.
    pub(crate) fn said(&self, field: &str) -> Option<&str> {
        let said = self.fields.iter().rfind(|(name, _)| *name == field);
        said.map(|(_, value)| value.as_str())
    }

    /// What became of it: outcome, error and status.
    pub(crate) fn end(&self) -> [Option<&str>; 3] {
        ["cqrs.outcome", "error.type", field::STATUS].map(|field| self.said(field))
    }
}

/// All of our spans on this thread, in the order they began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans(Arc<Mutex<Vec<Seen>>>);

/// Where a span is among them.
struct Place(usize);

impl Spans {
    /// Looks at what happens on this thread, for as long as the guard is kept.
    pub(crate) fn watch() -> (Self, DefaultGuard) {
        let spans = Self::default();
        let subscriber = tracing_subscriber::registry().with(spans.clone());
        (spans, tracing::subscriber::set_default(subscriber))
    }

    /// Those with this name.
    pub(crate) fn of(&self, name: &str) -> Vec<Seen> {
        self.seen().iter().filter(|seen| seen.name == name).cloned().collect()
    }

    /// What those with this name are linked to.
    pub(crate) fn links(&self, name: &str) -> Vec<String> {
        let fields = self.of(name).into_iter().flat_map(|seen| seen.fields);
        fields.filter(|(name, _)| *name == field::LINK).map(|(_, link)| link).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.push((field.name(), format!("{value:?}")));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if metadata.target() != TARGET {
            return;
        }
        let span = context.span(id).unwrap();
        let inside = span.parent().map(|parent| parent.name());
        let mut seen = Seen { name: metadata.name(), inside, fields: Vec::new() };
        attributes.record(&mut seen);
        let mut all = self.seen();
        span.extensions_mut().insert(Place(all.len()));
        all.push(seen);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        if let Some(Place(place)) = span.extensions().get() {
            record.record(self.seen().get_mut(*place).unwrap());
        }
    }
}
