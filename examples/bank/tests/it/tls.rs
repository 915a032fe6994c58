//! The bank behind TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::home::Home;
use crate::server::Server;

const ARGUMENTS: [&str; 4] = ["--tls-certificate", "cert.pem", "--tls-key", "key.pem"];

/// Writes a new certificate and its key, and gives the certificate.
fn write(home: &Home) -> CertificateDer<'static> {
    let names = ["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    home.write("cert.pem", cert.pem());
    home.write("key.pem", signing_key.serialize_pem());
    cert.der().clone()
}

/// What is answered to a request by TLS.
fn get(server: &Server, path: &str, trusted: CertificateDer<'static>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(server.address()).unwrap());
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
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
