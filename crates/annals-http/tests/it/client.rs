//! An HTTP client that sends what it is told to the byte.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Never reached; a test that hangs says less than one that fails.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of a problem, after checking that its parts agree.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let problem = self.json(self.status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

/// Sends a request with this text and reads the answer to its end.
pub(crate) async fn send(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    read_answer(&mut stream).await
}

/// Reads until the other side closes.
pub(crate) async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    timeout(WAIT_MAX, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = joined(&answer.body);
    }
    answer
}

/// The chunks of a body without their sizes.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

/// The text of a request that is to be the only one on its connection.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str("content-type: application/json\r\n");
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}")
}

/// A connection on which server-sent events come.
#[derive(Debug)]
pub(crate) struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    pub(crate) async fn connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request("GET", path, headers, "").as_bytes()).await.unwrap();
        let mut events = Self { stream, text: String::new() };
        while !events.text.contains("\r\n\r\n") {
            assert!(events.read().await, "no answer: {}", events.text);
        }
        if !events.text.starts_with("HTTP/1.1 200") {
            while events.read().await {}
            return Err(parse(events.text.as_bytes()));
        }
        Ok(events)
    }

    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = timeout(WAIT_MAX, self.stream.read(&mut bytes)).await.unwrap();
        let count = count.unwrap_or_default();
        self.text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        count > 0
    }

    /// The next block between empty lines, chunk sizes aside; `None` at the end.
    async fn next_block(&mut self) -> Option<String> {
        loop {
            let start = self.text.find("\r\n\r\n").filter(|_| self.text.starts_with("HTTP"));
            if let Some(start) = start {
                self.text.drain(..start + 4);
            }
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                // Each frame is one chunk: its size stands before it, and its end after it.
                let lines = block.lines().filter(|line| line.contains(':'));
                return Some(lines.collect::<Vec<_>>().join("\n"));
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// The next event that has data: its id and its data; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            let block = self.next_block().await?;
            let id = block.lines().find_map(|line| line.strip_prefix("id: "))?.parse().unwrap();
            let data = block.lines().filter_map(|line| line.strip_prefix("data: "));
            let data: Vec<_> = data.collect();
            if !data.is_empty() {
                return Some((id, serde_json::from_str(&data.join("\n")).unwrap()));
            }
        }
    }

    /// The place named next without an event.
    pub(crate) async fn next_place(&mut self) -> Option<u64> {
        loop {
            let block = self.next_block().await?;
            if !block.contains("data: ") {
                return block.lines().find_map(|line| line.strip_prefix("id: "))?.parse().ok();
            }
        }
    }
}
