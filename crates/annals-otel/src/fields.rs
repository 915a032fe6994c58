//! What the fields of a span say.

use std::fmt;
use std::sync::Arc;

use annals_core::telemetry::span::{Role, field};
use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{KeyValue, Value};
use tracing::field::{Field, Visit};

use crate::propagation;

/// Where a span comes from, as its fields say: what decides whether it is kept.
///
/// Nothing else is looked at, and nothing copied.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    pub(crate) kind: Option<SpanKind>,
    pub(crate) parent: Option<SpanContext>,
    pub(crate) link: Option<SpanContext>,
    pub(crate) baggage: Option<Arc<str>>,
}

impl Visit for Origin {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            field::KIND => self.kind = kind(value),
            field::PARENT => self.parent = propagation::parse(value),
            field::LINK => self.link = propagation::parse(value),
            field::BAGGAGE => self.baggage = Some(value.into()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// What the fields of a span say about it.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) name: Option<String>,
    /// One that was learnt of later.
    pub(crate) link: Option<SpanContext>,
    pub(crate) is_error: bool,
}

/// What the names of all fields begin with that are no attributes.
const PREFIX: &str = "otel.";

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn meaning(&mut self, field: &Field, text: &str) {
        match field.name() {
            field::NAME => self.name = Some(text.to_owned()),
            field::STATUS => self.is_error = text == "error",
            field::LINK => self.link = propagation::parse(text),
            // Where it comes from, or of other people's spans.
            _ => {}
        }
    }
}

/// Whether a field says how its span is exported, and nothing else.
pub(crate) fn is_for_export(field: &Field) -> bool {
    field.name().starts_with(PREFIX)
}

fn kind(text: &str) -> Option<SpanKind> {
    let kinds = [
        (Role::Internal, SpanKind::Internal),
        (Role::Server, SpanKind::Server),
        (Role::Client, SpanKind::Client),
        (Role::Producer, SpanKind::Producer),
        (Role::Consumer, SpanKind::Consumer),
    ];
    kinds.into_iter().find(|(role, _)| role.as_str() == text).map(|(_, kind)| kind)
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if is_for_export(field) {
            self.meaning(field, value);
        } else {
            self.add(field, value.to_owned());
        }
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

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
