//! Requests as bytes: as clients send them that no library would help.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::client::Answer;

/// Longest wait for more of an answer. Never reached; a test that hangs says less than one that
/// fails.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Sends bytes, and reads what comes until the server closes the connection, or until it begins to
/// tell events, which has no end. `None` if nothing comes.
pub(super) fn exchange(address: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    // Who is refused before having said everything may find the connection closed.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let mut some = [0; 16 * 1_024];
    loop {
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(read) => bytes.extend(&some[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the answer does not end: {error}"),
        }
        if head_of(&bytes).is_some_and(|head| head.contains("text/event-stream")) {
            break;
        }
    }
    (!bytes.is_empty()).then(|| parse(&bytes))
}

fn head_of(bytes: &[u8]) -> Option<&str> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(std::str::from_utf8(&bytes[..end]).unwrap())
}

fn parse(bytes: &[u8]) -> Answer {
    let head = head_of(bytes);
    let head = head.unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(bytes)));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    let rest = &bytes[head.len() + 4..];
    let is_chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    let body = if is_chunked { joined(rest) } else { rest.to_vec() };
    Answer { status, headers, body: String::from_utf8(body).unwrap() }
}

/// The chunks of a body as one.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = &rest[end + 2..];
        body.extend(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    body
}
