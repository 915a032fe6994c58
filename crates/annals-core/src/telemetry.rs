//! What the parts of Annals tell about themselves: the catalogue of names, and who listens.
//!
//! Spans are made with `tracing`; measurements and the question which trace is active go through
//! this module, so that no crate that is measured depends on OpenTelemetry. As long as nobody has
//! [`install`]ed anything, a measurement costs one load of an atomic and nothing else.
//!
//! Every name there is stands in one of the three catalogues, [`attribute`], [`metric`] and
//! [`span`], once. `docs/observability.md` is made from them.

pub mod attribute;
mod batch;
mod listener;
pub mod metric;
mod pool;
pub mod span;
mod stopwatch;

pub use attribute::{Attribute, Values};
pub use batch::{Origin, WritingBatch};
pub use listener::{
    AlreadyInstalled, Labels, Telemetry, current_trace, install, is_measured, is_on,
};
pub use metric::{Kind, Metric};
pub use pool::Pool;
pub use span::{Role, Span};
pub use stopwatch::Stopwatch;

/// The target of all spans, by which they are chosen in filters.
pub const TARGET: &str = "annals";

/// Links of one span at most: the default bound of OpenTelemetry.
///
/// A batch of more appends, or a trace of more events, is linked to the first of them.
pub const SPAN_LINKS_MAX: usize = 128;

/// The name of a type without its path and parameters: what stands for something that nobody has
/// named.
#[must_use]
pub fn type_name_of<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split_once('<').map_or(name, |(name, _)| name);
    name.rsplit_once("::").map_or(name, |(_, name)| name)
}

/// Marks a span as failed, if there is an error.
pub fn fail(span: &tracing::Span, error_type: Option<&'static str>) {
    if let Some(error_type) = error_type {
        span.record(attribute::ERROR_TYPE.name, error_type);
        span.record(span::field::STATUS, "error");
    }
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
