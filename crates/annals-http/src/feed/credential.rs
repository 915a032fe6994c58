//! What a client was let in by.

use axum::http::{HeaderMap, header};

use crate::auth::Authentication;

/// What a client was let in by, to be looked at again as long as it is connected.
#[derive(Debug)]
pub(super) struct Credential {
    authentication: Authentication,
    /// Those that say who it is, and no others.
    headers: HeaderMap,
}

impl Credential {
    pub(super) fn new(authentication: Authentication, headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::AUTHORIZATION);
        let headers = values.iter().map(|value| (header::AUTHORIZATION, value.clone())).collect();
        Self { authentication, headers }
    }

    /// Whether the client would be let in again.
    pub(super) fn is_accepted(&self) -> bool {
        self.authentication.authenticate(&self.headers).is_ok()
    }
}
