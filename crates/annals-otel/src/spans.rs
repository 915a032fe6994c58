//! From `tracing` spans to those of OpenTelemetry.

use std::sync::Arc;
use std::time::SystemTime;

use annals_core::telemetry::{TARGET, span};
use opentelemetry::trace::{Link, SpanBuilder, SpanContext};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{DynFilterFn, LevelFilter};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::fields::{Fields, Origin};
use crate::sampling::Budget;
use crate::traced::Traced;

/// Makes a span of OpenTelemetry of each `tracing` span.
///
/// Nothing happens when a span is entered or left, which is often. Of a trace that is not kept,
/// only the fields are looked at that say where it comes from.
#[derive(Debug)]
pub(crate) struct Spans {
    tracer: SdkTracer,
    budget: Budget,
}

/// What a span takes from the one it is in.
#[derive(Debug, Default)]
struct Inherited {
    context: Option<SpanContext>,
    baggage: Option<Arc<str>>,
}

impl Spans {
    /// Spans by `tracer`, whose sampler keeps what is in the budget.
    pub(crate) fn new(tracer: SdkTracer, budget: Budget) -> Self {
        Self { tracer, budget }
    }

    fn traced(&self, attributes: &Attributes<'_>, inherited: Inherited) -> Traced {
        let mut origin = Origin::default();
        attributes.record(&mut origin);
        // A request belongs to whoever made it, whatever is around it here.
        let Inherited { context, baggage } = match &origin.parent {
            Some(_) => Inherited::default(),
            None => inherited,
        };
        if let Some(context) = &context
            && !context.is_sampled()
        {
            return Traced::dropped(context.clone(), baggage);
        }
        let mut builder =
            SpanBuilder::from_name(attributes.metadata().name()).with_start_time(SystemTime::now());
        builder.span_kind = origin.kind;
        builder.links = origin.link.map(|link| vec![Link::with_context(link)]);
        let parent = origin.parent.or(context).unwrap_or(SpanContext::NONE);
        let mut traced = Traced::new(&self.tracer, builder, parent, origin.baggage.or(baggage));
        // Links of what asks to be a trace of its own may still come, and decide.
        if !attributes.is_root() {
            traced.begin();
        }
        if !traced.is_dropped() {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            // It has this one.
            fields.link = None;
            traced.record(fields);
        }
        traced
    }
}

/// What is known of a span; of one that this layer has not seen, of the nearest one around it.
pub(crate) fn with_nearest<'a, R, T>(
    span: SpanRef<'a, R>,
    take: impl Fn(&mut Traced) -> T,
) -> Option<T>
where
    R: LookupSpan<'a>,
{
    span.scope().find_map(|span| span.extensions_mut().get_mut::<Traced>().map(&take))
}

impl<S> Layer<S> for Spans
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// Those of ours that would only be inside a trace that is not kept are not even made, for
    /// anybody: what they are part of is all that is asked for. Nor are commands that would begin
    /// such a trace: there are thousands in a second, and of most of them nothing is kept.
    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        let is_ours = metadata.is_span() && metadata.target() == TARGET;
        if !is_ours || BESIDE.contains(&metadata.name()) {
            return true;
        }
        match is_in_dropped(&context) {
            Some(is_dropped) => !is_dropped,
            None if COMMANDS.contains(&metadata.name()) => !self.budget.is_spent(),
            None => !PARTS.contains(&metadata.name()),
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let around = match attributes.parent() {
            Some(parent) => context.span(parent),
            None if attributes.is_root() => None,
            None => context.lookup_current(),
        };
        let inherited = around.and_then(|around| {
            with_nearest(around, |traced| Inherited {
                context: Some(traced.context().clone()),
                baggage: traced.baggage.clone(),
            })
        });
        let traced = self.traced(attributes, inherited.unwrap_or_default());
        span.extensions_mut().insert(traced);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(traced) = extensions.get_mut::<Traced>()
            && !traced.is_dropped()
        {
            let mut fields = Fields::default();
            record.record(&mut fields);
            traced.record(fields);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let followed = context.span(follows);
        let link = followed.and_then(|it| with_nearest(it, |traced| traced.context().clone()));
        if let Some(link) = link
            && let Some(traced) = span.extensions_mut().get_mut::<Traced>()
        {
            traced.link(link);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let traced = context.span(&id).and_then(|span| span.extensions_mut().remove::<Traced>());
        if let Some(traced) = traced {
            traced.end();
        }
    }
}

/// Chooses the spans that are told of: ours, and those of an application from `INFO` up.
pub(crate) fn exported<S>() -> impl Filter<S> {
    DynFilterFn::new(|metadata, _: &Context<'_, S>| is_exported(metadata))
        .with_max_level_hint(LevelFilter::INFO)
        // Always again, because it also depends on the trace: see `enabled` of the layer.
        .with_callsite_filter(|metadata| {
            if is_exported(metadata) { Interest::sometimes() } else { Interest::never() }
        })
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO && !is_of_export(metadata.target())
}

/// Spans of ours that may be made inside another one and are not part of it.
const BESIDE: [&str; 5] = [
    span::WRITE_BATCH.name,
    span::PROJECT.name,
    span::PROCESS.name,
    span::SAGA_INPUT.name,
    span::SAGA_STEP.name,
];

/// Commands, which begin a trace unless they are inside one.
const COMMANDS: [&str; 2] = [span::EXECUTE.name, span::DECIDE.name];

/// Parts of a command, which say nothing without it.
const PARTS: [&str; 4] = [span::LOAD.name, span::HANDLE.name, span::APPEND.name, span::WAIT.name];

/// Whether the trace that is around is not kept. None if there is no trace.
fn is_in_dropped<S>(context: &Context<'_, S>) -> Option<bool>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let around = context.lookup_current()?;
    with_nearest(around, |it| it.is_dropped())
}

/// Crates on the way of an export, beside those of OpenTelemetry. What they tell would cause more
/// to export.
const EXPORT: [&str; 8] =
    ["h2", "hyper", "hyper_util", "rustls", "tokio_util", "tonic", "tower", "ureq"];

/// Whether a target belongs to what exports.
pub(crate) fn is_of_export(target: &str) -> bool {
    let its_crate = target.split_once("::").map_or(target, |(its_crate, _)| its_crate);
    its_crate.starts_with("opentelemetry") || EXPORT.contains(&its_crate)
}

#[cfg(test)]
mod tests;
