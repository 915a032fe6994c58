//! Stopping the server, politely and not.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use annals::Position;

use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_request_that_was_accepted_is_finished_before_the_end,
    what_was_answered_while_stopping_is_in_the_log_and_nothing_else,
    a_restart_keeps_everything,
}

const ALICE: &str = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":100}"#;

fn a_request_that_was_accepted_is_finished_before_the_end(home: &Home) {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(home);
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let open = ALICE.replace("alice", signal);
        // The server asks for the body, so it has accepted the request.
        let head = format!(
            "POST /accounts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            open.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        server.signal(signal);
        assert!(server.next_error_line().starts_with("stopping: "));
        stream.write_all(open.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        assert_eq!(server.wait(), Some(0));
        let shown = home.bank(&["account", "show", signal, "--format", "json"]).json();
        assert_eq!(shown["balance"], 100);
    }
}

const CLIENTS: u64 = 16;

/// Deposits, told apart by their amounts, that are under way when the server is told to stop.
fn what_was_answered_while_stopping_is_in_the_log_and_nothing_else(home: &Home) {
    let mut server = Server::start(home);
    server.post("/accounts", ALICE).json(201);
    let (log, address) = (home.log(), server.address().to_owned());
    let answered: BTreeSet<u64> = std::thread::scope(|scope| {
        let deposit = |client| deposit_until_nobody_listens(&address, client * 1_000_000 + 1);
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || deposit(client))).collect();
        (1..=200).for_each(|position| log.wait_past(Position::new(position).unwrap()));
        server.signal("TERM");
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(server.wait(), Some(0));

    let server = Server::start(home);
    let mut written = BTreeSet::new();
    let mut next = Some("/accounts/alice/history?after=1&limit=1000".to_owned());
    while let Some(path) = next {
        let page = server.get(&path).json(200);
        let amounts = page["events"].as_array().unwrap().iter().map(|it| &it["payload"]["amount"]);
        written.extend(amounts.map(|amount| amount.as_u64().unwrap()));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert!(answered.len() >= 200, "only {}", answered.len());
    assert_eq!(answered, written);
}

/// Sends deposits one after the other, on one connection as long as it is open. Gives the amounts
/// that were answered 200.
fn deposit_until_nobody_listens(address: &str, first: u64) -> Vec<u64> {
    let (mut answered, mut amount) = (Vec::new(), first);
    while let Ok(mut connection) = TcpStream::connect(address) {
        let mut answers = BufReader::new(connection.try_clone().unwrap());
        while let Ok(status) = deposit(&mut connection, &mut answers, amount) {
            if status == 200 {
                answered.push(amount);
            }
            amount += 1;
        }
        amount += 1;
    }
    answered
}

fn deposit(connection: &mut TcpStream, answers: &mut impl BufRead, amount: u64) -> io::Result<u16> {
    let body = format!("{{\"amount\":{amount}}}");
    let request = format!(
        "POST /accounts/alice/deposits HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes())?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if answers.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    answers.read_exact(&mut vec![0; length.parse().unwrap()])?;
    Ok(head.split(' ').nth(1).unwrap().parse().unwrap())
}

fn a_restart_keeps_everything(home: &Home) {
    let server = Server::start(home);
    server.post("/accounts", ALICE).json(201);
    let history = server.get("/accounts/alice/history").json(200);
    // Dropping it kills it.
    drop(server);
    let mut server = Server::start(home);
    assert_eq!(server.get("/accounts/alice/history").json(200), history);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let server = Server::start(home);
    assert_eq!(server.get("/accounts/alice/history").json(200), history);
}

#[test]
fn a_connection_that_is_only_open_holds_nobody_up() {
    let mut server = Server::start_on(&Home::new(), "memory:");
    let mut idle = TcpStream::connect(server.address()).unwrap();
    // So that the connection has certainly been accepted.
    idle.write_all(b"GET /accounts/a HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 8]).unwrap();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}
