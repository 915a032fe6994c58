//! Which conversation a log line belongs to.

use std::fmt;

use annals_core::telemetry::{TARGET, attribute};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Remembers the correlation id of each request, for lines that show no fields of spans.
#[derive(Debug)]
pub(crate) struct Conversations;

/// The correlation id that a span was given.
#[derive(Debug, Default)]
struct Conversation(Option<String>);

/// The correlation id of a span, or of the nearest around it that has one.
pub(crate) fn correlation_id<'a, R: LookupSpan<'a>>(span: SpanRef<'a, R>) -> Option<String> {
    span.scope().find_map(|span| span.extensions().get::<Conversation>()?.0.clone())
}

/// Requests: their level is that of errors, nobody else's is.
pub(crate) fn requests() -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(|it| it.is_span() && it.target() == TARGET && *it.level() == Level::ERROR)
        .with_max_level_hint(LevelFilter::ERROR)
}

impl<S> Layer<S> for Conversations
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut conversation = Conversation::default();
        attributes.record(&mut conversation);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(conversation);
        }
    }
}

impl Visit for Conversation {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == attribute::CORRELATION_ID.name {
            self.0 = Some(format!("{value:?}"));
        }
    }
}
