//! An HTTP client that takes every status for an answer.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Longest wait for an answer. Never reached; a test that hangs says less than one that fails.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Sends a request and reads the answer.
pub(crate) fn send(request: Request<Vec<u8>>) -> Answer {
    try_send(request).unwrap()
}

/// Sends a request to a server that may not live to answer it.
pub(crate) fn try_send(request: Request<Vec<u8>>) -> Result<Answer, ureq::Error> {
    Client::new().try_send(request)
}

/// A client that keeps its connections for what it sends next.
#[derive(Debug)]
pub(crate) struct Client(Agent);

impl Client {
    pub(crate) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(WAIT_MAX));
        Self(config.build().into())
    }

    /// Sends a request to a server that may not live to answer it.
    pub(crate) fn try_send(&self, request: Request<Vec<u8>>) -> Result<Answer, ureq::Error> {
        let (parts, mut body) = self.0.run(request)?.into_parts();
        let body = body.read_to_string()?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        let found = (self.status, self.header("content-type"));
        assert_eq!(found, (status, "application/json"), "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The problem of an answer, after checking that its parts agree.
    #[track_caller]
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        for text in ["type", "title", "detail"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }

    /// The code of a problem.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let problem = self.problem();
        let parts: Vec<_> = problem["type"].as_str().unwrap().split(':').collect();
        let ["urn", "annals", "bank" | "http", code] = parts[..] else { panic!("{problem}") };
        assert_eq!(problem["request_id"].as_str(), Some(self.header("x-request-id")));
        code.to_owned()
    }
}
