//! `sslmode` means what libpq means.

use annals_postgres::{OpenError, PostgresOptions, PostgresStore};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::cluster::Cluster;
use crate::hostile::block_on;
use crate::own_server;

/// An authority, a server and a client that it vouches for.
struct Certificates {
    authority: String,
    server: (String, String),
    client: (String, String),
}

impl Certificates {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new([]).expect("there are no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let authority = params.self_signed(&key).expect("it can sign itself").pem();
        let issuer = Issuer::new(params, key);
        let issue = |name: &str| {
            let key = KeyPair::generate().expect("a key can be made");
            let mut params = CertificateParams::new([name.to_owned()]).expect("it is a name");
            params.distinguished_name.push(DnType::CommonName, name);
            let certificate = params.signed_by(&key, &issuer).expect("it can be signed");
            (certificate.pem(), key.serialize_pem())
        };
        Self { authority, server: issue("localhost"), client: issue("postgres") }
    }
}

/// A server with certificates.
struct Server {
    cluster: Cluster,
    /// The files of its certificate, its key, and the authority it asks about clients.
    settings: String,
    authority: String,
    other_authority: String,
    client: (String, String),
}

impl Server {
    fn start() -> Option<Self> {
        let cluster = own_server::start(&[])?;
        let certificates = Certificates::new();
        let put = |name: &str, text: &str| {
            let path = cluster.put(name, text).expect("a file can be written");
            path.to_str().expect("temporary folders have simple names").to_owned()
        };
        let authority = put("authority.crt", &certificates.authority);
        let other_authority = put("other.crt", &Certificates::new().authority);
        let certificate = put("server.crt", &certificates.server.0);
        let key = put("server.key", &certificates.server.1);
        let client =
            (put("client.crt", &certificates.client.0), put("client.key", &certificates.client.1));
        let settings = format!(
            "ssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\nssl_ca_file = '{authority}'\n"
        );
        Some(Self { cluster, settings, authority, other_authority, client })
    }

    /// What the server offers from now on: encryption or not, and whom it lets in.
    fn offer(&self, ssl: &str, rule: &str) {
        let rules = self.cluster.put("rules.conf", rule).expect("a file can be written");
        let settings = format!("{}ssl = {ssl}\nhba_file = '{}'\n", self.settings, rules.display());
        self.cluster.stop("fast").expect("it can be stopped");
        let file = self.cluster.data().join("postgresql.auto.conf");
        std::fs::write(file, settings).expect("the settings can be written");
        self.cluster.start_again().expect("it can be started");
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        format!("{}?{parameters}", self.cluster.url().replace("127.0.0.1", host))
    }
}

/// Whether a log could be opened, and whether its sessions were encrypted.
async fn open(url: &str) -> Result<bool, OpenError> {
    let options = PostgresOptions::from_url(url).expect("it is a URL");
    let store = PostgresStore::open(options).await?;
    // Of all sessions of this server that go through the network, these are the only ones.
    let observer =
        url.split_once('?').map_or(url, |(url, _)| url).replace("localhost", "127.0.0.1");
    let question = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                    WHERE application_name = 'annals'";
    let is_encrypted = match tokio_postgres::connect(&observer, tokio_postgres::NoTls).await {
        Ok((session, connection)) => {
            tokio::spawn(connection);
            session.query_one(question, &[]).await.expect("it answers").get(0)
        }
        // Nobody gets in without encryption.
        Err(_) => true,
    };
    store.close().await;
    Ok(is_encrypted)
}

const ANY: &str = "host all all 127.0.0.1/32 scram-sha-256";
const ENCRYPTED_ONLY: &str = "hostssl all all 127.0.0.1/32 scram-sha-256";
const PLAIN_ONLY: &str = "hostnossl all all 127.0.0.1/32 scram-sha-256";

async fn assert_modes(server: &Server, expected: &[(&str, Option<bool>)]) {
    for (mode, expected) in expected {
        let found = open(&server.url("localhost", &format!("sslmode={mode}"))).await;
        match (&found, expected) {
            (Ok(is_encrypted), Some(expected)) => assert_eq!(is_encrypted, expected, "{mode}"),
            (Err(OpenError::Connect { .. }), None) => {}
            _ => panic!("{mode}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn connections_are_encrypted_as_the_mode_asks_for() {
    block_on(async {
        let Some(server) = Server::start() else { return };
        let (plain, encrypted, refused) = (Some(false), Some(true), None);
        server.offer("off", ANY);
        let modes = [("disable", plain), ("allow", plain), ("prefer", plain), ("require", refused)];
        assert_modes(&server, &modes).await;
        server.offer("on", ANY);
        let modes =
            [("disable", plain), ("allow", plain), ("prefer", encrypted), ("require", encrypted)];
        assert_modes(&server, &modes).await;
        server.offer("on", ENCRYPTED_ONLY);
        let modes = [
            ("disable", refused),
            ("allow", encrypted),
            ("prefer", encrypted),
            ("require", encrypted),
        ];
        assert_modes(&server, &modes).await;
        server.offer("on", PLAIN_ONLY);
        let modes = [("disable", plain), ("allow", plain), ("prefer", plain), ("require", refused)];
        assert_modes(&server, &modes).await;
    });
}

#[test]
fn certificates_are_verified_as_the_mode_asks_for() {
    block_on(async {
        let Some(server) = Server::start() else { return };
        server.offer("on", ANY);
        let (right, wrong) = (&server.authority, &server.other_authority);
        let cases = [
            ("localhost", format!("sslmode=verify-full&sslrootcert={right}"), true),
            ("localhost", format!("sslmode=verify-full&sslrootcert={wrong}"), false),
            // The certificate is for another name.
            ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={right}"), false),
            ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={right}"), true),
            ("localhost", format!("sslmode=verify-ca&sslrootcert={wrong}"), false),
            // An authority that was named is asked, also where nothing had to be verified.
            ("localhost", format!("sslmode=require&sslrootcert={wrong}"), false),
            ("127.0.0.1", format!("sslmode=require&sslrootcert={right}"), true),
            ("127.0.0.1", "sslmode=require".to_owned(), true),
            // No public authority vouches for it.
            ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned(), false),
        ];
        for (host, parameters, is_let_in) in cases {
            match open(&server.url(host, &parameters)).await {
                Ok(is_encrypted) => assert!(is_let_in && is_encrypted, "{host} {parameters}"),
                Err(OpenError::Connect { .. }) => assert!(!is_let_in, "{host} {parameters}"),
                // Where the system has no certificates at all.
                Err(OpenError::Encryption { .. }) => assert!(parameters.contains("system")),
                Err(error) => panic!("{host} {parameters}: {error:?}"),
            }
        }
    });
}

#[test]
fn client_shows_its_own_certificate() {
    block_on(async {
        let Some(server) = Server::start() else { return };
        server.offer("on", "hostssl all all 127.0.0.1/32 cert");
        let (certificate, key) = &server.client;
        let with = format!("sslmode=require&sslcert={certificate}&sslkey={key}");
        open(&server.url("localhost", &with)).await.expect("the certificate is the log-in");
        let without = open(&server.url("localhost", "sslmode=require")).await;
        assert!(matches!(without, Err(OpenError::Connect { .. })), "{without:?}");
        let missing =
            open(&server.url("localhost", "sslmode=verify-ca&sslrootcert=/no/file")).await;
        assert!(matches!(missing, Err(OpenError::Encryption { .. })), "{missing:?}");
    });
}
