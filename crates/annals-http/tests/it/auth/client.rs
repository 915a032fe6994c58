//! Requests as bytes, so that nothing puts right what is to be wrong.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Sends a request with these lines of headers, and reads to the end.
pub(super) async fn send(address: SocketAddr, request: &str, lines: &[String]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("{request} HTTP/1.1\r\nHost: bank\r\nConnection: close\r\n");
    let length = "Content-Length: 0\r\n\r\n";
    stream.write_all(format!("{head}{lines}{length}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The last part of the `type` of a problem, after checking that its parts agree.
    #[track_caller]
    pub(super) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status, "{problem}");
        let urn = problem["type"].as_str().unwrap();
        urn.strip_prefix("urn:annals:http:").unwrap().to_owned()
    }
}
