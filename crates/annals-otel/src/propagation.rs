//! Traces that go on in other processes.

use std::str::FromStr;

use annals_core::TraceContext;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use tracing::Dispatch;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::spans::with_nearest;

/// A header that hands a trace on, by the W3C recommendations Trace Context and Baggage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `traceparent`, `tracestate` or `baggage`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// The headers for a request that is made inside the current span. None if it belongs to no trace.
#[must_use]
pub fn outgoing() -> Vec<Header> {
    let found = in_current_span(|span| {
        with_nearest(span, |traced| (traced.context().clone(), traced.baggage.clone()))
    });
    let Some((context, baggage)) = found.flatten() else { return Vec::new() };
    let mut headers = Vec::new();
    if context.is_valid() {
        headers.push(Header { name: "traceparent", value: traceparent(&context) });
        let tracestate = context.trace_state().header();
        if !tracestate.is_empty() {
            headers.push(Header { name: "tracestate", value: tracestate });
        }
    }
    headers.extend(baggage.map(|it| Header { name: "baggage", value: it.as_ref().to_owned() }));
    headers
}

/// The context of the current span, as it is stored with events.
pub(crate) fn current() -> Option<TraceContext> {
    let context = in_current_span(|span| with_nearest(span, |traced| traced.context().clone()));
    let context = context.flatten().filter(SpanContext::is_valid)?;
    let trace = TraceContext::new(traceparent(&context)).ok()?;
    let tracestate = context.trace_state().header();
    if tracestate.is_empty() {
        return Some(trace);
    }
    Some(trace.clone().with_tracestate(tracestate).unwrap_or(trace))
}

/// Takes something from the current span of the registry below whatever layers there are.
fn in_current_span<T>(take: impl Fn(SpanRef<'_, Registry>) -> T) -> Option<T> {
    tracing::dispatcher::get_default(|dispatch: &Dispatch| {
        let id = dispatch.current_span().id().cloned()?;
        Some(take(dispatch.downcast_ref::<Registry>()?.span(&id)?))
    })
}

fn traceparent(context: &SpanContext) -> String {
    let flags = context.trace_flags().to_u8() & TraceFlags::SAMPLED.to_u8();
    format!("00-{:032x}-{:016x}-{flags:02x}", context.trace_id(), context.span_id())
}

/// Reads a `traceparent`, with a `tracestate` behind a semicolon if there is one. A malformed one
/// is none, as the specification asks; a malformed state is left out.
pub(crate) fn parse(text: &str) -> Option<SpanContext> {
    let (traceparent, tracestate) = text.split_once(';').unwrap_or((text, ""));
    // It also knows which forms there are.
    TraceContext::new(traceparent).ok()?;
    let mut parts = traceparent.split('-').skip(1);
    let trace_id = TraceId::from_hex(parts.next()?).ok()?;
    let span_id = SpanId::from_hex(parts.next()?).ok()?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    let state = TraceState::from_str(tracestate).unwrap_or_default();
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_comes_back_as_it_was() {
        let context = parse(&format!("{TRACEPARENT};vendor=1,other=2")).unwrap();
        assert_eq!(traceparent(&context), TRACEPARENT);
        assert_eq!(context.trace_state().header(), "vendor=1,other=2");
        assert!(context.is_remote() && context.is_sampled());
    }

    #[test]
    fn what_is_no_context_is_none() {
        for wrong in ["", "00-0-0-01", &TRACEPARENT.to_uppercase(), "ff-a"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let context = parse(&format!("{TRACEPARENT};no state")).unwrap();
        assert_eq!(context.trace_state().header(), "");
    }
}
