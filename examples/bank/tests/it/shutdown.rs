//! Stopping the server, politely and not.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_request_that_was_accepted_is_finished_before_the_end,
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
