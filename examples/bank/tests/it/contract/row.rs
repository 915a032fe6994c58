//! A line of a table of requests.
//!
//! ```text
//! STATUS CODE WHO METHOD PATH [HEADER: VALUE]... BODY
//! ```
//!
//! The code is that of the problem, `-` where there is none. `<<name>>` stands for what the test
//! knows under that name, `<<3*ab>>` for `ababab`, and `\xNN` for a byte. A body that begins with
//! `gzip:` is sent compressed. Without a header of its own, a body is JSON and has its length.
//! The line `STATUS CODE raw BYTES` is sent as it is.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A request, and what must come of it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Where it stands in its table.
    pub(super) line: usize,
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) request: Request,
}

#[derive(Debug, Clone)]
pub(super) enum Request {
    Raw(String),
    Plain(Plain),
}

/// A request as any client sends it.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    pub(super) who: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

/// What names in tables stand for.
pub(super) type Names = BTreeMap<String, String>;

/// The rows of a table.
pub(super) fn rows(table: &str) -> Vec<Row> {
    let lines = table.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| row(index + 1, line)).collect()
}

fn row(line: usize, text: &str) -> Row {
    let (status, rest) = word(text);
    let (code, rest) = word(rest);
    let status = status.parse().unwrap_or_else(|_| panic!("line {line}: no status"));
    let code = (code != "-").then(|| code.to_owned());
    let request = match word(rest) {
        ("raw", bytes) => Request::Raw(bytes.to_owned()),
        (who, rest) => Request::Plain(plain(who, rest)),
    };
    Row { line, status, code, request }
}

fn plain(who: &str, rest: &str) -> Plain {
    let (method, rest) = word(rest);
    let (path, mut rest) = word(rest);
    let mut headers = Vec::new();
    while let Some(header) = rest.strip_prefix("[").filter(|it| !it.starts_with(['"', ']'])) {
        let Some((header, after)) = header.split_once(']').filter(|(it, _)| it.contains(':'))
        else {
            break;
        };
        headers.push(header.to_owned());
        rest = after.trim_start();
    }
    let (who, method, path) = (who.to_owned(), method.to_owned(), path.to_owned());
    Plain { who, method, path, headers, body: rest.to_owned() }
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

impl Request {
    /// The bytes to send. `credentials` are the lines of those who send requests.
    pub(super) fn bytes(&self, names: &Names, credentials: &BTreeMap<&str, String>) -> Vec<u8> {
        match self {
            Self::Raw(text) => bytes(text, names),
            Self::Plain(plain) => plain.bytes(names, credentials),
        }
    }
}

impl Plain {
    fn bytes(&self, names: &Names, credentials: &BTreeMap<&str, String>) -> Vec<u8> {
        let body = match self.body.strip_prefix("gzip:") {
            Some(text) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&bytes(text, names)).unwrap();
                encoder.finish().unwrap()
            }
            None => bytes(&self.body, names),
        };
        let says = |name: &str| self.headers.iter().any(|it| it.to_lowercase().starts_with(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !says("host:") {
            head += "host: localhost\r\n";
        }
        head += "connection: close\r\n";
        let credential = credentials.get(&*self.who);
        head += credential.unwrap_or_else(|| panic!("nobody knows {}", self.who));
        if !body.is_empty() && !says("content-type:") {
            head += "content-type: application/json\r\n";
        }
        if self.body.starts_with("gzip:") {
            head += "content-encoding: gzip\r\n";
        }
        let has_body = !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&&*self.method);
        if has_body && !says("content-length:") && !says("transfer-encoding:") {
            head += &format!("content-length: {}\r\n", body.len());
        }
        for header in &self.headers {
            head += header;
            head += "\r\n";
        }
        head += "\r\n";
        let mut request = bytes(&head, names);
        request.extend(body);
        request
    }
}

/// Text with its names, repetitions and bytes put in.
fn bytes(text: &str, names: &Names) -> Vec<u8> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let (inside, after) = after.split_once(">>").unwrap_or_else(|| panic!("{text}: no >>"));
        whole += before;
        whole += &match inside.split_once('*') {
            Some((times, part)) => part.repeat(times.parse().unwrap()),
            None => names.get(inside).unwrap_or_else(|| panic!("{inside} is unknown")).clone(),
        };
        rest = after;
    }
    whole += rest;
    let mut bytes = Vec::new();
    let mut parts = whole.split("\\x");
    bytes.extend(parts.next().unwrap().bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    bytes
}

#[test]
fn a_row_says_what_is_sent_and_what_must_come_of_it() {
    let table = "# a comment\n\n422 invalid_body teller POST /a [x-y: <<z>>] {\"b\":[<<2*1,>>]}";
    let rows = rows(table);
    assert_eq!((rows.len(), rows[0].line, rows[0].status), (1, 3, 422));
    assert_eq!(rows[0].code.as_deref(), Some("invalid_body"));
    let names = Names::from([("z".to_owned(), "\\x41".to_owned())]);
    let credentials = BTreeMap::from([("teller", "authorization: b\r\n".to_owned())]);
    let sent = rows[0].request.bytes(&names, &credentials);
    let expected = "POST /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        authorization: b\r\ncontent-type: application/json\r\ncontent-length: 12\r\nx-y: A\r\n\
        \r\n{\"b\":[1,1,]}";
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
}
