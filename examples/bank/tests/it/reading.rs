//! Asking a server what its read models show.

use serde_json::Value;
use ureq::http::Request;

use crate::client::{Answer, send};
use crate::server::Server;

impl Server {
    /// Asks for what is at least as new as this.
    pub(crate) fn get_at_least(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.url));
        send(request.header("consistency-token", token).body(Vec::new()).unwrap())
    }

    /// The answer to a query that is at least as new as this.
    #[track_caller]
    pub(crate) fn read(&self, path: &str, token: &str) -> Value {
        let answer = self.get_at_least(path, token);
        let status = || self.get("/admin/projections").body;
        assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.body, status());
        let json = answer.json(200);
        assert_eq!(json["consistency_token"], answer.header("consistency-token"));
        let (position, asked) = (json["position"].as_u64().unwrap(), position_of(token));
        assert!(position >= asked, "{position} is older than {asked}");
        json
    }

    /// All pages of a list, by following `next`.
    pub(crate) fn read_pages(&self, path: &str, items: &str, token: &str) -> Vec<Value> {
        let (mut all, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = self.read(&path, token);
            all.extend(page[items].as_array().unwrap().iter().cloned());
            next = page["next"].as_str().map(str::to_owned);
        }
        all
    }
}

/// The token of an answer.
pub(crate) fn token(answer: &Value) -> &str {
    answer["consistency_token"].as_str().unwrap()
}

/// The place in the log that a token names.
pub(crate) fn position_of(token: &str) -> u64 {
    token.rsplit_once(':').unwrap().1.parse().unwrap()
}
