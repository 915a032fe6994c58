//! What accompanies an event: who, in which conversation, caused by what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{CausationId, CorrelationId};
use crate::json::{Json, JsonError};
use crate::limits::{
    ACTOR_BYTES_MAX, HEADER_KEY_BYTES_MAX, HEADER_VALUE_BYTES_MAX, HEADERS_MAX, LimitError,
    METADATA_BYTES_MAX, TRACESTATE_BYTES_MAX, check_count, check_length, check_text,
    is_name_character,
};

/// What accompanies an event and is not part of the domain.
///
/// All parts are optional. Executing a command fills in the correlation and causation ids that are
/// missing, so that a chain from request to event exists without any user code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The conversation this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<CorrelationId>,
    /// What directly caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<CausationId>,
    /// Who is responsible: a user, a service. Must come from authentication, never from a claim
    /// the client makes. At most [`ACTOR_BYTES_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The trace that was active, as W3C Trace Context.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// Free entries: at most [`HEADERS_MAX`], keys of at most [`HEADER_KEY_BYTES_MAX`] bytes,
    /// values of at most [`HEADER_VALUE_BYTES_MAX`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Metadata {
    /// Sets the conversation.
    #[must_use]
    pub fn correlation_id(mut self, id: CorrelationId) -> Self {
        self.correlation_id = Some(id);
        self
    }

    /// Sets the direct cause.
    #[must_use]
    pub fn causation_id(mut self, id: impl Into<CausationId>) -> Self {
        self.causation_id = Some(id.into());
        self
    }

    /// Sets who is responsible.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets the trace that was active.
    #[must_use]
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Adds a free entry; an earlier one with the same key is replaced.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(key.into(), value.into());
        self
    }

    /// The JSON that is stored.
    ///
    /// # Errors
    ///
    /// [`JsonError::Limit`], naming the part that exceeds its bound.
    pub fn to_json(&self) -> Result<Json, JsonError> {
        if let Some(actor) = &self.actor {
            check_text("actor", actor, ACTOR_BYTES_MAX, "all but control characters", |c| {
                !c.is_control()
            })?;
        }
        check_count("headers in metadata", self.headers.len(), HEADERS_MAX)?;
        for (key, value) in &self.headers {
            check_text(
                "header key",
                key,
                HEADER_KEY_BYTES_MAX,
                crate::limits::NAME_CHARACTERS,
                is_name_character,
            )?;
            check_length("header value", value.len(), HEADER_VALUE_BYTES_MAX)?;
        }
        Json::write("metadata", self, METADATA_BYTES_MAX)
    }
}

/// A place in a distributed trace, as the W3C headers `traceparent` and `tracestate`.
///
/// Source: W3C Recommendation "Trace Context", level 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TraceContextParts")]
pub struct TraceContext {
    traceparent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

#[derive(Deserialize)]
struct TraceContextParts {
    traceparent: String,
    tracestate: Option<String>,
}

impl TryFrom<TraceContextParts> for TraceContext {
    type Error = LimitError;

    fn try_from(parts: TraceContextParts) -> Result<Self, LimitError> {
        let trace = Self::new(parts.traceparent)?;
        match parts.tracestate {
            Some(tracestate) => trace.with_tracestate(tracestate),
            None => Ok(trace),
        }
    }
}

impl TraceContext {
    /// Takes the value of a `traceparent` header, version 00:
    /// `00-<32 hex>-<16 hex>-<2 hex>`, lower case, ids not all zero.
    ///
    /// # Errors
    ///
    /// [`LimitError::Form`] for anything else. The specification asks a receiver to then go on
    /// without a trace, not to refuse the request.
    pub fn new(traceparent: impl Into<String>) -> Result<Self, LimitError> {
        const WRONG: LimitError = LimitError::Form {
            what: "traceparent",
            expected: "of the form 00-<32 hex>-<16 hex>-<2 hex> in lower case",
        };
        let traceparent = traceparent.into();
        let parts: Vec<&str> = traceparent.split('-').collect();
        let [version, trace_id, parent_id, flags] = parts.as_slice() else {
            return Err(WRONG);
        };
        let is_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
        let is_valid = *version == "00"
            && is_hex(trace_id, 32)
            && is_hex(parent_id, 16)
            && is_hex(flags, 2)
            && !is_zero(trace_id)
            && !is_zero(parent_id);
        if !is_valid {
            return Err(WRONG);
        }
        Ok(Self { traceparent, tracestate: None })
    }

    /// Adds the value of a `tracestate` header, at most [`TRACESTATE_BYTES_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if it is empty, too long or not printable ASCII.
    pub fn with_tracestate(mut self, tracestate: impl Into<String>) -> Result<Self, LimitError> {
        let tracestate = tracestate.into();
        check_text("tracestate", &tracestate, TRACESTATE_BYTES_MAX, "printable ASCII", |c| {
            c == ' ' || c.is_ascii_graphic()
        })?;
        self.tracestate = Some(tracestate);
        Ok(self)
    }

    /// The value of the `traceparent` header.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// Whether the trace is kept, as far as whoever wrote this knows: the flag `sampled`.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        // The last digit of the flags, which are two.
        let flags = self.traceparent.chars().next_back().and_then(|digit| digit.to_digit(16));
        flags.is_some_and(|flags| flags % 2 == 1)
    }

    /// The value of the `tracestate` header, if there was one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn metadata_comes_back_as_it_was() {
        let metadata = Metadata::default()
            .actor("alice")
            .trace(TraceContext::new(TRACEPARENT).unwrap().with_tracestate("a=1").unwrap())
            .header("tenant", "north");
        let json = metadata.to_json().unwrap();
        assert_eq!(json.read::<Metadata>().unwrap(), metadata);
        assert_eq!(Metadata::default().to_json().unwrap(), Json::empty_object());
        assert_eq!(Json::empty_object().read::<Metadata>().unwrap(), Metadata::default());
    }

    #[test]
    fn a_trace_is_kept_if_its_last_flag_says_so() {
        for (flags, is_sampled) in [("00", false), ("01", true), ("02", false), ("ff", true)] {
            let trace = TraceContext::new(TRACEPARENT.replace("-01", &format!("-{flags}")));
            assert_eq!(trace.unwrap().is_sampled(), is_sampled, "{flags}");
        }
    }

    #[test]
    fn malformed_trace_contexts_are_refused() {
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            assert!(TraceContext::new(wrong).is_err(), "{wrong}");
        }
    }

    /// As the specification asks: without a trace rather than with a wrong one.
    #[test]
    fn malformed_trace_context_inside_json_is_left_out() {
        for wrong in [r#""traceparent":"a\nb""#, r#""traceparent":7"#, r#""tracestate":"a=1""#] {
            let json = Json::parse("metadata", format!(r#"{{"actor":"a",{wrong}}}"#), 100).unwrap();
            assert_eq!(json.read::<Metadata>().unwrap(), Metadata::default().actor("a"));
            assert!(json.read::<TraceContext>().is_err());
        }
        let wrong_state = format!(r#"{{"traceparent":"{TRACEPARENT}","tracestate":""}}"#);
        assert!(serde_json::from_str::<TraceContext>(&wrong_state).is_err());
    }

    #[test]
    fn every_bound_of_metadata_is_enforced_and_named() {
        let long = "x".repeat(HEADER_VALUE_BYTES_MAX + 1);
        let error = Metadata::default().header("k", long).to_json().unwrap_err();
        assert_eq!(error.to_string(), "header value has 513 bytes, at most 512 are allowed");
        assert!(Metadata::default().actor("a\u{7}b").to_json().is_err());
        assert!(Metadata::default().header("k\u{0}", "v").to_json().is_err());
        let many =
            (0..=HEADERS_MAX).fold(Metadata::default(), |m, i| m.header(format!("k{i}"), "v"));
        assert!(many.to_json().is_err());
    }
}
