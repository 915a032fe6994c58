//! Which traces are kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Traces that begin in this process and are kept, in a second, unless a variable says otherwise.
///
/// So few cost no command anything, and more than anybody looks at are kept all the same: as long
/// as there are fewer requests than this, all of them are.
pub const TRACES_PER_SECOND: f64 = 100.0;

/// Which traces are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// All.
    Always,
    /// None.
    Never,
    /// This part of all.
    Ratio(f64),
    /// What the caller keeps; of what begins here, or goes on with what was kept, all.
    ByParentElseAlways,
    /// What the caller keeps; of what begins here, none.
    ByParentElseNever,
    /// What the caller keeps; of what begins here, this part.
    ByParentElseRatio(f64),
    /// What the caller keeps; of what begins here, so many in a second. The default, with
    /// [`TRACES_PER_SECOND`].
    ///
    /// A trace that goes on with others, as that of a batch does, is kept if one of those was, and
    /// what consumes events begins none: it is kept with what has written them. So what follows
    /// from a request that is kept is kept as well, and nothing else is.
    ByParentElsePerSecond(f64),
}

impl Default for Sampling {
    fn default() -> Self {
        Self::ByParentElsePerSecond(TRACES_PER_SECOND)
    }
}

impl Sampling {
    /// What decides, and what is known of its decisions before it is asked.
    pub(crate) fn sampler(self) -> (Box<dyn ShouldSample>, Budget) {
        fn by_origin(sampler: impl ShouldSample + 'static) -> Box<dyn ShouldSample> {
            Box::new(ByOrigin(Box::new(sampler)))
        }
        match self {
            Self::Always => (Box::new(Sampler::AlwaysOn), Budget::Unknown),
            Self::Never => (Box::new(Sampler::AlwaysOff), Budget::Nothing),
            Self::Ratio(ratio) => (Box::new(Sampler::TraceIdRatioBased(ratio)), Budget::Unknown),
            Self::ByParentElseAlways => {
                (Box::new(Sampler::ParentBased(Box::new(Sampler::AlwaysOn))), Budget::Unknown)
            }
            Self::ByParentElseNever => (by_origin(Sampler::AlwaysOff), Budget::Nothing),
            Self::ByParentElseRatio(ratio) => {
                (by_origin(Sampler::TraceIdRatioBased(ratio)), Budget::Unknown)
            }
            Self::ByParentElsePerSecond(rate) => {
                let sampler = PerSecond::new(rate);
                (by_origin(sampler.clone()), Budget::PerSecond(sampler))
            }
        }
    }
}

/// What is known of traces before they begin.
#[derive(Debug, Clone)]
pub(crate) enum Budget {
    /// Each may be kept.
    Unknown,
    /// None is kept that begins here.
    Nothing,
    /// As many are kept as its bucket holds.
    PerSecond(PerSecond),
}

impl Budget {
    /// Whether a trace that begins here and now is not kept, so that it need not begin.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Nothing => true,
            Self::PerSecond(sampler) => sampler.is_empty(Instant::now()),
        }
    }
}

/// Keeps what belongs to something that is kept, and has another sampler decide on the rest.
#[derive(Debug, Clone)]
struct ByOrigin(Box<dyn ShouldSample>);

impl ShouldSample for ByOrigin {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if let Some(parent) = parent
            && parent.span().span_context().is_valid()
        {
            let by_parent = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
            return by_parent.should_sample(Some(parent), trace_id, name, kind, attributes, links);
        }
        // What consumes goes on with what was produced, or with what nobody has kept.
        if links.is_empty() && *kind != SpanKind::Consumer {
            return self.0.should_sample(parent, trace_id, name, kind, attributes, links);
        }
        decision(links.iter().any(|link| link.span_context.is_sampled()))
    }
}

/// A bucket of tokens that fills with time and holds those of a second, or one if that is less.
#[derive(Debug, Clone)]
pub(crate) struct PerSecond {
    rate: f64,
    tokens_max: f64,
    bucket: Arc<Mutex<(f64, Instant)>>,
}

impl PerSecond {
    fn new(rate: f64) -> Self {
        let tokens_max = rate.max(1.0);
        Self { rate, tokens_max, bucket: Arc::new(Mutex::new((tokens_max, Instant::now()))) }
    }

    fn tokens(&self, (tokens, since): (f64, Instant), now: Instant) -> f64 {
        let gained = now.saturating_duration_since(since).as_secs_f64() * self.rate;
        (tokens + gained).min(self.tokens_max)
    }

    /// Whether nothing could be taken now.
    fn is_empty(&self, now: Instant) -> bool {
        let bucket = *self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        self.tokens(bucket, now) < 1.0
    }

    fn take(&self, now: Instant) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = (self.tokens(*bucket, now), bucket.1);
        let is_taken = tokens >= 1.0;
        *bucket = (if is_taken { tokens - 1.0 } else { tokens }, now.max(since));
        is_taken
    }
}

impl ShouldSample for PerSecond {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        _trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        decision(self.take(Instant::now()))
    }
}

fn decision(is_kept: bool) -> SamplingResult {
    let decision = if is_kept { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
    SamplingResult { decision, attributes: Vec::new(), trace_state: Default::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn context(flags: TraceFlags) -> SpanContext {
        let (trace, span) = (TraceId::from(1), SpanId::from(2));
        SpanContext::new(trace, span, flags, true, Default::default())
    }

    fn is_kept(parent: Option<TraceFlags>, links: &[TraceFlags]) -> bool {
        let (sampler, _) = Sampling::ByParentElseNever.sampler();
        let parent = parent
            .map_or_else(Context::new, |it| Context::new().with_remote_span_context(context(it)));
        let links: Vec<Link> = links.iter().map(|it| Link::with_context(context(*it))).collect();
        let kind = SpanKind::Internal;
        let result = sampler.should_sample(Some(&parent), TraceId::from(1), "", &kind, &[], &links);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn what_belongs_to_something_kept_is_kept() {
        let (kept, dropped) = (TraceFlags::SAMPLED, TraceFlags::NOT_SAMPLED);
        assert!(is_kept(Some(kept), &[]));
        assert!(!is_kept(Some(dropped), &[kept]));
        assert!(is_kept(None, &[dropped, kept]));
        assert!(!is_kept(None, &[dropped]));
        assert!(!is_kept(None, &[]));
    }

    #[test]
    fn what_consumes_is_kept_with_what_it_consumes_and_begins_nothing() {
        let (sampler, _) = Sampling::default().sampler();
        let is_kept = |kind: SpanKind, links: &[TraceFlags]| {
            let links: Vec<_> = links.iter().map(|it| Link::with_context(context(*it))).collect();
            let result = sampler.should_sample(None, TraceId::from(1), "", &kind, &[], &links);
            result.decision == SamplingDecision::RecordAndSample
        };
        assert!(is_kept(SpanKind::Internal, &[]));
        assert!(!is_kept(SpanKind::Consumer, &[]));
        assert!(!is_kept(SpanKind::Consumer, &[TraceFlags::NOT_SAMPLED]));
        assert!(is_kept(SpanKind::Consumer, &[TraceFlags::SAMPLED]));
    }

    #[test]
    fn less_than_one_in_a_second_is_one_in_several() {
        let sampler = PerSecond::new(0.1);
        let start = Instant::now();
        let taken = |second: u64| sampler.take(start + Duration::from_secs(second));
        assert_eq!([0, 1, 9, 11, 12, 60].map(taken), [true, false, false, true, false, true]);
    }

    #[test]
    fn no_more_are_kept_in_a_second_than_asked_for() {
        let sampler = PerSecond::new(10.0);
        let start = Instant::now();
        let kept = |from: u32, to: u32| {
            (from..to)
                .map(|ms| start + Duration::from_millis(ms.into()))
                .filter(|now| {
                    let is_empty = sampler.is_empty(*now);
                    let is_taken = sampler.take(*now);
                    assert_ne!(is_empty, is_taken);
                    is_taken
                })
                .count()
        };
        assert_eq!(kept(0, 1), 1);
        let first = kept(1, 1_000);
        assert!((17..=19).contains(&first), "{first}: those of a second, and the full bucket");
        let later = kept(1_000, 11_000);
        assert!((99..=101).contains(&later), "{later}");
    }
}
