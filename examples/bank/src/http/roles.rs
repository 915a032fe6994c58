//! Who may send what.

use annals_http::auth::{self, Role};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// Lets in those who have the role for a request.
pub(super) async fn require_role(request: Request, next: Next) -> Response {
    let needed = needed(request.method(), request.uri().path());
    auth::require(State(needed), request, next).await
}

/// Looking after the bank is for operators, and reading for readers. Everything else is taken for a
/// change, also what will be added one day without a thought of this: that is for tellers.
fn needed(method: &Method, path: &str) -> Role {
    let is_below = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match *method {
        _ if is_below("/admin") => Role::Operator,
        Method::GET | Method::HEAD => Role::Reader,
        _ => Role::Teller,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_only_read_is_a_change() {
        for (method, path, role) in [
            (Method::GET, "/accounts", Role::Reader),
            (Method::HEAD, "/accounts/alice", Role::Reader),
            (Method::GET, "/administrators", Role::Reader),
            (Method::POST, "/accounts", Role::Teller),
            (Method::PUT, "/accounts/alice", Role::Teller),
            (Method::OPTIONS, "/accounts", Role::Teller),
            (Method::GET, "/admin", Role::Operator),
            (Method::GET, "/admin/log", Role::Operator),
            (Method::POST, "/admin/projections", Role::Operator),
            (Method::POST, "/admin/sagas/transfer_saga/1/abandon", Role::Operator),
        ] {
            assert_eq!(needed(&method, path), role, "{method} {path}");
        }
    }
}
