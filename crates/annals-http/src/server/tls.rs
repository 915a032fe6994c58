//! The certificate, read from files and read again when they change.

use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error as ThisError;
use tokio_rustls::TlsAcceptor;

use super::TlsFiles;

/// How often the files are looked at: a certificate is usually renewed weeks before it ends, and
/// reading two small files costs nothing.
const RENEWAL: Duration = Duration::from_secs(10);

/// Certificate and key cannot be used.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read. The source says why.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it must. Give it a certificate or a key as PEM.
    #[error("{path} does not hold a certificate or key as PEM")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// The two do not belong together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used together")]
    Unusable(#[source] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
pub(super) struct Certificate {
    files: TlsFiles,
    loaded: Pems,
    config: Arc<ServerConfig>,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The text of both files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pems {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let loaded = read(&files)?;
        let key = certified(&files, &loaded, &provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files, loaded, config: Arc::new(config), current })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Takes up new files until `shutdown` is ready.
    pub(super) async fn renew(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.keep_renewing() => {}
        }
    }

    async fn keep_renewing(&self) {
        // What was served first, not what is there now: it may have been replaced since.
        let mut known = Ok(self.loaded.clone());
        loop {
            tokio::time::sleep(RENEWAL).await;
            let files = self.files.clone();
            let Ok(found) = tokio::task::spawn_blocking(move || read(&files)).await else { return };
            let now = found.as_ref().map(Pems::clone).map_err(ToString::to_string);
            if now == known {
                continue;
            }
            known = now;
            // While one file is new and the other is not yet, they do not fit; they soon will.
            let certified =
                |found: Pems| certified(&self.files, &found, self.config.crypto_provider());
            match found.and_then(certified) {
                Ok(key) => {
                    let mut current =
                        self.current.0.write().unwrap_or_else(PoisonError::into_inner);
                    *current = Arc::new(key);
                    tracing::info!("the certificate is renewed");
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "the certificate is not renewed");
                }
            }
        }
    }
}

fn read(files: &TlsFiles) -> Result<Pems, TlsError> {
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })
    };
    Ok(Pems { certificates: read(&files.certificates)?, key: read(&files.key)? })
}

fn certified(
    files: &TlsFiles,
    pems: &Pems,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let malformed = |path: &PathBuf, source| TlsError::Pem { path: path.clone(), source };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pems.certificates).collect();
    let chain = chain.map_err(|error| malformed(&files.certificates, error))?;
    if chain.is_empty() {
        return Err(malformed(&files.certificates, pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_slice(&pems.key);
    let key = key.map_err(|error| malformed(&files.key, error))?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Unusable)
}
