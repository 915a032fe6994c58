use annals_core::telemetry::span::field;
use annals_core::telemetry::{Origin, TARGET, WritingBatch, span};
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::field::Empty;
use tracing::info_span;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use super::{Spans, is_of_export};
use crate::propagation;
use crate::sampling::Sampling;

const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What is exported of what `work` does.
fn exported(sampling: Sampling, work: impl FnOnce()) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let (sampler, budget) = sampling.sampler();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_simple_exporter(exporter.clone())
        .build();
    let spans = Spans::new(provider.tracer("test"), budget).with_filter(super::exported());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), work);
    exporter.get_finished_spans().unwrap()
}

#[test]
fn a_span_is_the_child_of_the_one_around_it() {
    let spans = exported(Sampling::Always, || {
        let outer = info_span!("outer", { field::PARENT } = REMOTE, { field::KIND } = "server");
        outer.in_scope(|| info_span!("inner", answer = 42).in_scope(|| {}));
    });
    let [inner, outer] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    assert_eq!(inner.attributes[0].key.as_str(), "answer");
    assert_eq!(outer.parent_span_id, SpanId::from_hex("b7ad6b7169203331").unwrap());
    assert_eq!(outer.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(outer.span_kind, SpanKind::Server);
    assert!(outer.attributes.is_empty(), "{outer:?}");
}

#[test]
fn what_is_recorded_later_is_exported_too() {
    let spans = exported(Sampling::Always, || {
        let span =
            info_span!("a", late = Empty, { field::NAME } = Empty, { field::STATUS } = Empty);
        span.record("late", "no");
        span.record("late", "yes");
        span.record(field::NAME, "b");
        span.record(field::STATUS, "error");
    });
    assert_eq!(spans[0].name, "b");
    assert_eq!(spans[0].attributes, [KeyValue::new("late", "yes")]);
    assert_eq!(spans[0].status, Status::error(""));
}

#[test]
fn a_batch_is_linked_to_all_that_it_serves_and_kept_if_one_of_them_is() {
    let spans = exported(Sampling::ByParentElseNever, || {
        let kept = info_span!("kept", { field::PARENT } = REMOTE);
        let dropped = info_span!("dropped");
        let batch = info_span!(parent: None, "batch");
        batch.follows_from(&dropped);
        batch.follows_from(&kept);
        batch.in_scope(|| info_span!("inside").in_scope(|| {}));
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["inside", "batch", "kept"]);
    assert_eq!(spans[1].links.len(), 2);
    assert_eq!(spans[1].parent_span_id, SpanId::INVALID);
}

#[test]
fn a_stored_context_is_linked_to() {
    let spans = exported(Sampling::ByParentElseNever, || {
        info_span!("later", { field::LINK } = REMOTE).in_scope(|| {});
    });
    assert_eq!(spans[0].links[0].span_context.span_id().to_string(), "b7ad6b7169203331");
}

#[test]
fn nothing_of_a_dropped_trace_is_exported_and_its_context_says_so() {
    let spans = exported(Sampling::Never, || {
        info_span!("outer").in_scope(|| {
            let outer = propagation::current().unwrap();
            info_span!("inner", field = 1).in_scope(|| {
                assert_eq!(propagation::current(), Some(outer.clone()));
            });
            assert!(outer.traceparent().ends_with("-00"), "{outer:?}");
        });
    });
    assert!(spans.is_empty(), "{spans:?}");
}

#[test]
fn a_trace_goes_on_with_state_and_baggage() {
    exported(Sampling::Always, || {
        let remote = format!("{REMOTE};vendor=1");
        let span = info_span!("a", { field::PARENT } = remote, { field::BAGGAGE } = "tenant=north");
        span.in_scope(|| {
            let inner = info_span!("b").entered();
            let headers = propagation::outgoing();
            let names: Vec<&str> = headers.iter().map(|header| header.name).collect();
            assert_eq!(names, ["traceparent", "tracestate", "baggage"]);
            assert!(headers[0].value.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
            assert!(!headers[0].value.contains("b7ad6b7169203331"), "{headers:?}");
            assert_eq!(headers[1].value, "vendor=1");
            assert_eq!(headers[2].value, "tenant=north");
            drop(inner);
        });
        assert!(propagation::outgoing().is_empty());
    });
}

#[test]
fn of_a_dropped_trace_only_the_outermost_span_is_made() {
    let spans = exported(Sampling::ByParentElseNever, || {
        info_span!(target: TARGET, span::REQUEST.name).in_scope(|| {
            let outer = propagation::current().unwrap();
            let inside = info_span!(target: TARGET, span::EXECUTE.name);
            assert!(inside.is_disabled());
            inside.in_scope(|| assert_eq!(propagation::current(), Some(outer)));
            // It serves others as well, of which one may be kept.
            let batch = info_span!(target: TARGET, parent: None, span::WRITE_BATCH.name);
            let kept = info_span!(parent: None, "kept", { field::PARENT } = REMOTE);
            assert!(!batch.is_disabled());
            batch.follows_from(&kept);
        });
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["kept", span::WRITE_BATCH.name]);
}

#[test]
fn a_command_whose_trace_is_not_kept_has_no_spans() {
    let is_made = |sampling| {
        let mut is_made = Vec::new();
        exported(sampling, || {
            let execute = info_span!(target: TARGET, span::EXECUTE.name);
            execute.in_scope(|| {
                let append = info_span!(target: TARGET, span::APPEND.name);
                is_made.extend([&execute, &append].map(|span| !span.is_disabled()));
            });
        });
        is_made
    };
    assert_eq!(is_made(Sampling::ByParentElseNever), [false, false]);
    assert_eq!(is_made(Sampling::ByParentElsePerSecond(1.0)), [true, true]);
    assert_eq!(is_made(Sampling::Always), [true, true]);
}

#[test]
fn a_batch_has_a_span_if_one_of_its_appends_has() {
    let spans = exported(Sampling::ByParentElseNever, || {
        // The request of one that is not kept has a span, its append has none.
        let nobody = info_span!(target: TARGET, span::REQUEST.name).in_scope(Origin::here);
        let kept = info_span!(target: TARGET, span::REQUEST.name, { field::PARENT } = REMOTE);
        let append = kept.in_scope(|| info_span!(target: TARGET, span::APPEND.name));
        let somebody = append.in_scope(Origin::here);
        let batch = |origins: &[&Origin]| {
            WritingBatch::begin("sqlite", origins.iter().copied(), 2, 0).span.is_disabled()
        };
        assert!(batch(&[&nobody, &nobody]));
        assert!(!batch(&[&nobody, &somebody]));
    });
    let batch = spans.iter().find(|span| span.name == span::WRITE_BATCH.name).unwrap();
    assert_eq!(batch.links.len(), 1);
}

#[test]
fn a_request_belongs_to_its_caller_whatever_is_around_it() {
    let spans = exported(Sampling::Always, || {
        let around = info_span!("around", { field::BAGGAGE } = "tenant=south");
        around.in_scope(|| {
            let _request = info_span!("request", { field::PARENT } = REMOTE).entered();
            assert!(propagation::outgoing().iter().all(|header| header.name != "baggage"));
        });
    });
    assert_eq!(spans[0].span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn what_exports_is_not_exported_and_what_has_a_similar_name_is() {
    for target in ["opentelemetry-otlp", "opentelemetry_sdk::trace", "h2::client", "tower"] {
        assert!(is_of_export(target), "{target}");
    }
    for target in ["tower_http::trace", "hyperion", "h2o", "annals"] {
        assert!(!is_of_export(target), "{target}");
    }
}
