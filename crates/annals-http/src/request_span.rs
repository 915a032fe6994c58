//! A request as a span and a measurement, by the conventions of OpenTelemetry for HTTP.

pub(crate) mod incoming;

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use annals_core::telemetry::span::{Role, field};
use annals_core::telemetry::{Stopwatch, TARGET, attribute, fail, is_on, metric, span};
use axum::extract::{MatchedPath, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Version, header};
use axum::response::Response;
use tracing::Span;
use tracing::field::Empty;

use crate::request_id::RequestId;

/// Among the extensions of a request that came by TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) span: Span,
    watch: Stopwatch,
    method: &'static str,
    /// As the program has it, with names instead of ids.
    route: Option<MatchedPath>,
    scheme: &'static str,
    version: &'static str,
}

/// Begins the span of a request: a child of the trace it came with, if it came with one.
///
/// Its level is that of errors, so that a filter which lets an error through lets its request
/// through.
pub(crate) fn begin(request: &Request, id: RequestId) -> Begun {
    let headers = request.headers();
    let method = usual(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let scheme = if request.extensions().get::<OverTls>().is_some() { "https" } else { "http" };
    let version = version(request.version());
    let asked_for = authority(headers);
    let span = tracing::error_span!(
        target: TARGET,
        span::REQUEST.name,
        { field::NAME } = name(method, route.as_ref().map(MatchedPath::as_str)),
        { field::KIND } = Role::Server.as_str(),
        { field::PARENT } = incoming::parent(headers),
        { field::BAGGAGE } = incoming::baggage(headers),
        { field::STATUS } = Empty,
        { attribute::HTTP_METHOD.name } = method.unwrap_or(OTHER),
        { attribute::HTTP_METHOD_ORIGINAL.name } =
            method.is_none().then(|| request.method().as_str()),
        { attribute::HTTP_ROUTE.name } = route.as_ref().map(MatchedPath::as_str),
        { attribute::HTTP_STATUS.name } = Empty,
        { attribute::URL_PATH.name } = request.uri().path(),
        { attribute::URL_SCHEME.name } = scheme,
        { attribute::SERVER_ADDRESS.name } = asked_for.as_ref().map(Authority::host),
        { attribute::SERVER_PORT.name } = asked_for.as_ref().and_then(Authority::port_u16),
        { attribute::PROTOCOL_VERSION.name } = version,
        { attribute::CORRELATION_ID.name } = %id,
        { attribute::ERROR_TYPE.name } = Empty,
    );
    let method = method.unwrap_or(OTHER);
    Begun { span, watch: Stopwatch::start(), method, route, scheme, version }
}

impl Begun {
    /// What was answered. Whatever the client did wrong is no error of ours.
    pub(crate) fn answered(&self, response: &Response) {
        let status = response.status();
        self.span.record(attribute::HTTP_STATUS.name, status.as_u16());
        if status.is_server_error() {
            fail(&self.span, kept(status.as_str()));
        }
        if is_on() {
            self.measure(status);
        }
    }

    fn measure(&self, status: StatusCode) {
        let mut labels = vec![
            (attribute::HTTP_METHOD, self.method),
            (attribute::URL_SCHEME, self.scheme),
            (attribute::PROTOCOL_VERSION, self.version),
        ];
        let route = self.route.as_ref().and_then(|route| kept(route.as_str()));
        labels.extend(route.map(|route| (attribute::HTTP_ROUTE, route)));
        if let Some(status_text) = kept(status.as_str()) {
            labels.push((attribute::HTTP_STATUS, status_text));
            if status.is_server_error() {
                labels.push((attribute::ERROR_TYPE, status_text));
            }
        }
        self.watch.stop(&metric::HTTP_DURATION, &labels);
    }
}

/// Routes and status codes that are kept at most: all that a program has, and many more.
const KEPT_MAX: usize = 4_096;

/// The same text for as long as the process lives, as measurements need it.
///
/// For texts of the program only, of which there are few: each is kept for good. None once there
/// are [`KEPT_MAX`].
fn kept(text: &str) -> Option<&'static str> {
    static KEPT: RwLock<BTreeSet<&'static str>> = RwLock::new(BTreeSet::new());
    let found = KEPT.read().unwrap_or_else(PoisonError::into_inner).get(text).copied();
    if found.is_some() {
        return found;
    }
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if !kept.contains(text) && kept.len() < KEPT_MAX {
        kept.insert(Box::leak(text.into()));
    }
    kept.get(text).copied()
}

/// The value for methods that are none of the usual ones.
const OTHER: &str = "_OTHER";

/// The usual methods; a caller can make up others, of which there would be many.
fn usual(method: &Method) -> Option<&'static str> {
    const USUAL: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    USUAL.into_iter().find(|usual| method == usual)
}

fn name(method: Option<&str>, route: Option<&str>) -> String {
    let method = method.unwrap_or("HTTP");
    match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

fn authority(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_somebody_made_up_names_no_span() {
        let made_up = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(usual(&made_up), None);
        assert_eq!(name(usual(&made_up), Some("/pots/{id}")), "HTTP /pots/{id}");
        assert_eq!(name(usual(&Method::GET), None), "GET");
    }

    #[test]
    fn a_text_is_kept_once() {
        let text = String::from("/accounts/{id}");
        let first = kept(&text).unwrap();
        assert_eq!(first, text);
        assert!(std::ptr::eq(first, kept(&text.clone()).unwrap()));
    }
}
