//! The trace that a request came with, by the W3C recommendations Trace Context and Baggage.

use annals_core::limits::TRACESTATE_BYTES_MAX;
use axum::http::HeaderMap;

/// Longest baggage that is taken along: what the recommendation asks everybody to carry.
const BAGGAGE_BYTES_MAX: usize = 8_192;

/// Bytes of a `traceparent` of version 00, with which those of later versions begin.
const TRACEPARENT_BYTES: usize = 55;

/// Entries of a `tracestate` at most, by the recommendation.
const STATES_MAX: usize = 32;

/// Of a `tracestate` that is too long, entries of more bytes than this go first.
const SHORT_STATE_BYTES_MAX: usize = 128;

/// What the request is a child of, as the field of its span has it: a `traceparent` of version 00,
/// with a `tracestate` behind a semicolon if there is one.
pub(super) fn parent(headers: &HeaderMap) -> Option<String> {
    let traceparent = traceparent(headers)?;
    Some(match tracestate(headers) {
        Some(tracestate) => format!("{traceparent};{tracestate}"),
        None => traceparent,
    })
}

/// What the request asks to be taken along. None if that is too long.
pub(super) fn baggage(headers: &HeaderMap) -> Option<String> {
    joined(headers, "baggage").filter(|baggage| baggage.len() <= BAGGAGE_BYTES_MAX)
}

/// Of a later version, what version 00 knows. Whoever reads the ids looks at their form.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all("traceparent").iter();
    let line = lines.next()?.to_str().ok()?;
    // Nobody knows which of two is meant.
    if lines.next().is_some() {
        return None;
    }
    let (known, later) = line.split_at_checked(TRACEPARENT_BYTES)?;
    let (version, known) = known.split_at_checked(2)?;
    let is_readable = match version {
        "00" => later.is_empty(),
        "ff" => false,
        _ => is_hex(version) && (later.is_empty() || later.starts_with('-')),
    };
    is_readable.then(|| format!("00{known}"))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whole entries, as many as there is room for.
pub(crate) fn tracestate(headers: &HeaderMap) -> Option<String> {
    let state = joined(headers, "tracestate")?;
    let entries = state.split(',').map(|entry| entry.trim_matches([' ', '\t']));
    let mut entries: Vec<_> = entries.filter(|entry| !entry.is_empty()).take(STATES_MAX).collect();
    while length(&entries) > TRACESTATE_BYTES_MAX {
        let long = entries.iter().rposition(|entry| entry.len() > SHORT_STATE_BYTES_MAX);
        entries.remove(long.unwrap_or(entries.len() - 1));
    }
    (!entries.is_empty()).then(|| entries.join(","))
}

fn length(entries: &[&str]) -> usize {
    entries.iter().map(|entry| entry.len() + 1).sum::<usize>().saturating_sub(1)
}

/// A header that may be sent in several lines, which mean the same as one. None if there is none,
/// or if it is not text.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str());
    let lines: Vec<_> = lines.collect::<Result<_, _>>().ok()?;
    (!lines.is_empty()).then(|| lines.join(","))
}
