//! The bank behind TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::home::Home;
use crate::server::Server;

/// What has the bank served by TLS, after [`write`].
pub(crate) const ARGUMENTS: [&str; 4] = ["--tls-certificate", "cert.pem", "--tls-key", "key.pem"];

/// Writes a new certificate and its key, and gives the certificate.
pub(crate) fn write(home: &Home) -> CertificateDer<'static> {
    let names = ["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    home.write("cert.pem", cert.pem());
    home.write("key.pem", signing_key.serialize_pem());
    cert.der().clone()
}

/// A connection by TLS that trusts nobody else.
type Connection = StreamOwned<ClientConnection, TcpStream>;

fn connect(server: &Server, trusted: &CertificateDer<'static>) -> Connection {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(server.address()).unwrap())
}

/// What is answered to a request, after which the connection stays open.
fn ask(connection: &mut Connection, request: &str, body: &str) -> io::Result<String> {
    let length = body.len();
    let head = "host: localhost\r\ncontent-type: application/json";
    write!(connection, "{request} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}")?;
    let mut answer = read_past(connection, "\r\n\r\n")?;
    let length = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body)?;
    answer += str::from_utf8(&body).unwrap();
    Ok(answer)
}

/// Reads until this text has come, and not a byte further.
fn read_past(connection: &mut Connection, text: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(text.as_bytes()) {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        bytes.extend(byte);
    }
    Ok(String::from_utf8(bytes).unwrap())
}

/// What is answered to a request by TLS.
pub(crate) fn get(server: &Server, path: &str, trusted: CertificateDer<'static>) -> String {
    ask(&mut connect(server, &trusted), &format!("GET {path}"), "").unwrap()
}

#[test]
fn the_bank_is_served_by_tls_if_it_is_given_a_certificate() {
    let home = Home::new();
    let certificate = write(&home);
    let server = Server::start_with_args(&home, &ARGUMENTS);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let answer = get(&server, "/livez", certificate);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
}

/// The next line of the log that says this.
fn logged(server: &mut Server, what: &str) -> String {
    loop {
        let line = server.next_error_line();
        if line.contains(what) {
            return line;
        }
    }
}

#[test]
fn a_new_certificate_is_taken_up_while_the_bank_is_served_and_a_broken_one_is_not() {
    let home = Home::new();
    let old = write(&home);
    let mut serve = home.command(&[&["serve", "--listen", "127.0.0.1:0"], &ARGUMENTS[..]].concat());
    serve.env("RUST_LOG", "annals_http=info");
    let mut server = Server::start_by(serve);
    let mut early = connect(&server, &old);
    early.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    read_past(&mut early, "id: 0\n").unwrap();

    home.write("cert.pem", "Dear Alice,");
    let reported = logged(&mut server, "the certificate is not renewed");
    assert!(reported.contains("cert.pem does not hold a certificate"), "{reported}");
    assert!(get(&server, "/livez", old.clone()).starts_with("HTTP/1.1 200 OK"));

    let new = write(&home);
    logged(&mut server, "the certificate is renewed");
    let alice = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":0}"#;
    let opened = ask(&mut connect(&server, &new), "POST /accounts", alice).unwrap();
    assert!(opened.starts_with("HTTP/1.1 201 Created"), "{opened}");
    assert!(ask(&mut connect(&server, &old), "GET /livez", "").is_err(), "it is not used any more");
    read_past(&mut early, "account_opened").expect("who was connected stays so");
}

#[test]
fn files_that_are_no_certificate_are_one_line() {
    let home = Home::new();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = home.bank(&[&serve[..], &ARGUMENTS[..]].concat());
    assert!(refused.error(2).contains("cannot read cert.pem"), "{refused:?}");
    home.write("cert.pem", "Dear Alice,");
    home.write("key.pem", "Yours, Bob");
    let refused = home.bank(&[&serve[..], &ARGUMENTS[..]].concat());
    assert!(refused.error(2).contains("cert.pem does not hold a certificate"), "{refused:?}");
    assert_eq!(home.bank(&[&serve[..], &ARGUMENTS[..2]].concat()).code, Some(2));
}
