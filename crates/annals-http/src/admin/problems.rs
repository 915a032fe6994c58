//! What the admin API can be answered with instead of what was asked for, as OpenAPI describes it.

use utoipa::IntoResponses;

use crate::problem::ProblemBody;

macro_rules! problems {
    ($($name:ident: $status:literal, $description:literal;)*) => {
        $(
            #[doc = $description]
            #[derive(Debug, IntoResponses)]
            #[response(status = $status, content_type = "application/problem+json")]
            #[expect(dead_code, reason = "only described")]
            pub(super) struct $name(ProblemBody<'static>);
        )*
    };
}

problems! {
    MalformedParameter: 400, "A parameter is malformed";
    MalformedAddress: 400, "The path or a parameter is malformed";
    MalformedInstance: 400, "No instance can have that name";
    MalformedOrder: 400, "The path, a header or the JSON is malformed";
    MalformedPosition: 400, "That is no position";
    MalformedNumber: 400, "That is no number";
    MalformedLetter: 400, "That is no name";
    MalformedDiscard: 400, "That is no name, or no JSON";
    NoPosition: 404, "The log has not come that far";
    NoState: 404, "It did not exist then, or had not come that far";
    NoProjection: 404, "There is no such projection";
    NoRetained: 404, "There is no such projection, or none is retained";
    NoGeneration: 404, "There is no such generation";
    NoLetter: 404, "There is none";
    NotBlocking: 404, "It blocks nothing (any more)";
    NoSaga: 404, "There is no such saga";
    NoInstance: 404, "There is no such instance";
    SlowBody: 408, "The body did not come in time";
    AlreadyBuilding: 409, "One is being built already, or waits for a decision";
    NotCatchingUp: 409, "It does not catch up";
    NotReady: 409, "It is being built, or does not catch up";
    Serving: 409, "It serves";
    LargeBody: 413, "The body is too large";
    NotJson: 415, "The body is not declared to be JSON";
    NoReason: 422, "There is no reason";
    LogUnavailable: 503, "The log is unavailable";
    ReadModelsUnavailable: 503, "The read models are unavailable";
    Unavailable: 503, "The read models or the log are unavailable";
}
