//! What a command can be answered with instead of what came of it, for descriptions.

use utoipa::IntoResponses;

use crate::problem::ProblemBody;

/// What a handler that takes [`Asked`](crate::Asked) or [`Terms`](crate::Terms) can be answered
/// with instead of what it is for: to stand among the `responses` of its description.
#[derive(Debug, IntoResponses)]
pub enum CommandProblems {
    /// The body did not come in time
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(ProblemBody<'static>),
    /// A rule forbids it as things are now
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody<'static>),
    /// The precondition does not hold
    #[response(status = 412, content_type = "application/problem+json")]
    Precondition(ProblemBody<'static>),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody<'static>),
    /// The body is not declared to be JSON, or compressed in an unknown way
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemBody<'static>),
    /// It is forbidden however things are, or the idempotency key was used otherwise
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// Try again with the same idempotency key
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody<'static>),
}
