//! TLS, and certificates that are renewed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals_http::{Server, ServerOptions, Service, ServiceOptions, TlsError, TlsFiles};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Answer, read_answer, request};
use crate::house::{House, Plan};

/// Writes a new certificate and its key, and gives the certificate.
fn write(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

fn options(folder: &Path) -> ServerOptions {
    let mut options = ServerOptions::default();
    let (certificates, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    options.tls = Some(TlsFiles { certificates, key });
    options
}

async fn get(house: &House, trusted: &CertificateDer<'static>) -> Result<Answer, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(house.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(request("GET", "/counters/a", &[], "").as_bytes()).await.unwrap();
    Ok(read_answer(&mut stream).await)
}

#[tokio::test]
async fn tls_is_spoken_and_browsers_are_told_to_stay_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = write(folder.path());
    let server = options(folder.path());
    let house = House::with(Plan { server, ..Plan::default() }).await;
    let answer = get(&house, &trusted).await.unwrap();
    answer.json(200);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path());
    let server = options(folder.path());
    let house = House::with(Plan { server, ..Plan::default() }).await;
    get(&house, &old).await.unwrap();
    tokio::time::pause();
    std::fs::write(folder.path().join("cert.pem"), "broken").unwrap();
    tokio::time::advance(Duration::from_secs(15)).await;
    get(&house, &old).await.unwrap();
    let new = write(folder.path());
    while get(&house, &new).await.is_err() {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert!(get(&house, &old).await.is_err());
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let new = || {
        let service = Service::new(axum::Router::new(), ServiceOptions::default());
        Server::new(service, options(folder.path())).map(drop)
    };
    assert!(matches!(new(), Err(TlsError::Read { .. })));
    write(folder.path());
    new().unwrap();
    let certificate = std::fs::read(folder.path().join("cert.pem")).unwrap();
    write(folder.path());
    std::fs::write(folder.path().join("cert.pem"), certificate).unwrap();
    assert!(matches!(new(), Err(TlsError::Unusable(_))));
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    assert!(matches!(new(), Err(TlsError::Pem { .. })));
}
