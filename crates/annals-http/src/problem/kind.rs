//! What can be wrong, by name.

use axum::http::StatusCode;

/// A kind of problem: its `type`, which never changes, its status and its title.
///
/// Those of this crate are constants here; an application adds its own, with a `type` of its own.
///
#[doc = include_str!("kinds.md")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    urn: &'static str,
    status: StatusCode,
    title: &'static str,
}

impl Kind {
    /// A kind of problem. `urn` is a URI that programs compare and nobody looks up, such as
    /// `urn:example:shop:out_of_stock`; `title` is a short sentence without a full stop.
    #[must_use]
    pub const fn new(urn: &'static str, status: StatusCode, title: &'static str) -> Self {
        Self { urn, status, title }
    }

    /// The `type` of the problem.
    #[must_use]
    pub const fn urn(&self) -> &'static str {
        self.urn
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What it is called.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.title
    }
}

macro_rules! kinds {
    ($($(#[$docs:meta])* $name:ident: $status:ident, $code:literal, $title:literal;)*) => {
        impl Kind {
            $(
                $(#[$docs])*
                pub const $name: Self =
                    Self::new(concat!("urn:annals:http:", $code), StatusCode::$status, $title);
            )*

            /// All kinds of this crate, by status.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    /// The body is no JSON.
    MALFORMED_JSON: BAD_REQUEST, "malformed_json", "The body is no JSON";
    /// The body broke off, or is not what its content encoding says.
    MALFORMED_BODY: BAD_REQUEST, "malformed_body", "The body cannot be read";
    /// The query of the address is not understood.
    MALFORMED_QUERY: BAD_REQUEST, "malformed_query", "The query is malformed";
    /// A part of the path is not understood.
    MALFORMED_PATH: BAD_REQUEST, "malformed_path", "The path is malformed";
    /// A header is not understood.
    MALFORMED_HEADER: BAD_REQUEST, "malformed_header", "A header is malformed";
    /// It does not say who sent it.
    UNAUTHENTICATED: UNAUTHORIZED, "unauthenticated", "Say who you are";
    /// The API key or token is not accepted.
    INVALID_CREDENTIALS: UNAUTHORIZED, "invalid_credentials", "The key or token is not accepted";
    /// It is known who sent it, and they may not do this.
    FORBIDDEN: FORBIDDEN, "forbidden", "You may not do this";
    /// The request comes from a web page of another site.
    OTHER_SITE: FORBIDDEN, "other_site", "Pages of other sites may not do this";
    /// There is nothing at the path.
    UNKNOWN_PATH: NOT_FOUND, "unknown_path", "There is nothing here";
    /// What is asked for does not exist (any more).
    NOT_FOUND: NOT_FOUND, "not_found", "It does not exist";
    /// The aggregate has not come to the sequence that is asked for.
    SEQUENCE_AHEAD: NOT_FOUND, "sequence_ahead", "It has not come that far";
    /// The path exists, the method does not.
    METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not possible here";
    /// The body did not come in time.
    BODY_TIMEOUT: REQUEST_TIMEOUT, "body_timeout", "The body came too slowly";
    /// It cannot be done as things are.
    REFUSED: CONFLICT, "refused", "It cannot be done as things are";
    /// Somebody else was faster.
    MOVED: CONFLICT, "moved", "It has changed meanwhile";
    /// What `If-Match` or `If-None-Match` asks for does not hold.
    PRECONDITION_FAILED: PRECONDITION_FAILED, "precondition_failed",
        "The precondition does not hold";
    /// The consistency token is about another log.
    TOKEN_OF_ANOTHER_LOG: PRECONDITION_FAILED, "token_of_another_log",
        "The consistency token is about another log";
    /// The body is larger than any that makes sense.
    BODY_TOO_LARGE: PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large";
    /// The body is not declared to be JSON.
    NOT_JSON: UNSUPPORTED_MEDIA_TYPE, "not_json", "The content type must be application/json";
    /// The body is compressed in a way that is not known here.
    UNKNOWN_ENCODING: UNSUPPORTED_MEDIA_TYPE, "unknown_encoding",
        "The content encoding must be gzip or zstd";
    /// The body is JSON, but not what is needed here.
    INVALID_BODY: UNPROCESSABLE_ENTITY, "invalid_body", "The body is not as needed";
    /// The idempotency key was used before, with another body.
    COMMAND_ID_REUSED: UNPROCESSABLE_ENTITY, "command_id_reused",
        "The idempotency key was used otherwise";
    /// This principal sends more requests than are answered.
    TOO_MANY_REQUESTS: TOO_MANY_REQUESTS, "too_many_requests", "You send too many requests";
    /// The program or its data is broken. Its log says where, under the request id.
    INTERNAL: INTERNAL_SERVER_ERROR, "internal", "Something is broken";
    /// Others were faster, every time.
    BUSY: SERVICE_UNAVAILABLE, "busy", "Too many others change it";
    /// More requests are under way than are taken on at once.
    OVERLOADED: SERVICE_UNAVAILABLE, "overloaded", "Too many requests are under way";
    /// The request took longer than any may. A command may have been executed all the same: repeat
    /// it with the same idempotency key.
    TIMEOUT: SERVICE_UNAVAILABLE, "timeout", "It took too long";
    /// The log cannot be read or written now.
    UNAVAILABLE: SERVICE_UNAVAILABLE, "unavailable", "The log is unavailable";
    /// It is not known whether the command was executed. Repeat it with the same idempotency key.
    OUTCOME_UNKNOWN: SERVICE_UNAVAILABLE, "outcome_unknown", "The outcome is unknown";
    /// The command is executed, but a read model does not show it yet. Do not execute it anew.
    NOT_VISIBLE: SERVICE_UNAVAILABLE, "not_visible", "The read models do not show it yet";
    /// The read model is older than the consistency token asks for.
    READ_MODEL_BEHIND: SERVICE_UNAVAILABLE, "read_model_behind",
        "The read model is not that far yet";
    /// The read model has not been built yet.
    READ_MODEL_NOT_BUILT: SERVICE_UNAVAILABLE, "read_model_not_built",
        "The read model is being built";
    /// The read models cannot be read now.
    READ_MODELS_UNAVAILABLE: SERVICE_UNAVAILABLE, "read_models_unavailable",
        "The read models are unavailable";
    /// API keys cannot be checked now.
    AUTHENTICATION_UNAVAILABLE: SERVICE_UNAVAILABLE, "authentication_unavailable",
        "Keys cannot be checked";
    /// The live feed has as many clients as it takes, or is closing.
    FEED_FULL: SERVICE_UNAVAILABLE, "feed_full", "The feed takes no more clients";
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_documentation_lists_all_kinds() {
        let mut table = String::from("| Status | Type | Title |\n|---|---|---|\n");
        for kind in Kind::ALL {
            let status = kind.status.as_u16();
            writeln!(table, "| {status} | `{}` | {} |", kind.urn, kind.title).unwrap();
        }
        assert_eq!(include_str!("kinds.md"), table, "write this into kinds.md:\n{table}");
    }

    #[test]
    fn no_two_kinds_have_the_same_type() {
        let mut urns: Vec<_> = Kind::ALL.iter().map(|kind| kind.urn).collect();
        urns.sort_unstable();
        urns.dedup();
        assert_eq!(urns.len(), Kind::ALL.len());
    }
}
