//! The commands that a newcomer copies.

use ureq::http::Request;

use crate::client::send;
use crate::home::Home;
use crate::server::Server;

const README: &str = include_str!("../../README.md");

/// Most times that a request is sent which is told to come again.
const TRIES_MAX: usize = 5_000;

/// The blocks of commands of a section.
fn blocks(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split("```").skip(1).step_by(2).collect()
}

/// The words of a line as a shell sees them, as far as these lines use its rules.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect::<Vec<_>>().concat()
}

#[test]
fn the_quick_start_says_the_same_in_both_languages() {
    assert_eq!(blocks("Quick start"), blocks("\u{5feb}\u{901f}\u{4e0a}\u{624b}"));
}

#[test]
fn the_requests_of_the_quick_start_succeed() {
    let home = Home::new();
    let server = Server::start(&home);
    let lines = blocks("Quick start")[1].lines().filter(|line| line.starts_with("curl "));
    let mut requests = 0;
    for line in lines {
        let words = words(line);
        let url = words.last().unwrap().replace("http://127.0.0.1:3000", &server.url);
        let after = |flag: &str| {
            let values = words.windows(2).filter(move |two| two[0] == flag);
            values.map(|two| two[1].clone()).collect::<Vec<_>>()
        };
        let body = after("-d");
        let method = if body.is_empty() { "GET" } else { "POST" };
        let mut request = Request::builder().method(method).uri(url);
        for header in after("-H") {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let request = request.body(body.concat().into_bytes()).unwrap();
        // What read models are asked just after the start is told to come again.
        let mut answers = (0..TRIES_MAX).map(|_| send(request.clone()));
        let answer = answers.find(|answer| answer.status != 503).unwrap();
        assert!((200..300).contains(&answer.status), "{line}: {answer:?}");
        requests += 1;
    }
    assert_eq!(requests, 7);
}

#[test]
fn the_keys_of_the_quick_start_can_be_made() {
    let home = Home::new();
    for line in blocks("Quick start")[2].lines().filter(|line| line.contains(" keys ")) {
        let (_, arguments) = line.split_once(" -- ").unwrap();
        let arguments: Vec<_> = arguments.split(' ').collect();
        assert_eq!(home.bank(&arguments).code, Some(0), "{line}");
    }
}
