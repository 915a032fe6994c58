//! Encryption as `sslmode` asks for it, by rustls.

mod connector;
mod verifier;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use thiserror::Error;

pub(crate) use connector::{Connector, TlsStream};
use verifier::ChainVerifier;

use crate::url_error::UrlError;

/// How much a connection is protected, with the meaning libpq gives to the words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted only if the server insists.
    Allow,
    /// Encrypted if the server can.
    #[default]
    Prefer,
    /// Encrypted. Verified as for [`SslMode::VerifyCa`] if there are root certificates.
    Require,
    /// Encrypted, and the server's certificate comes from a trusted authority.
    VerifyCa,
    /// As [`SslMode::VerifyCa`], and the certificate is for the host that was asked for.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Ok(match text {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let expected = "disable, allow, prefer, require, verify-ca or verify-full";
                return Err(UrlError::Part { part: "sslmode", expected });
            }
        })
    }
}

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootCertificates {
    /// The certificates in this file.
    File(PathBuf),
    /// Those the operating system trusts.
    System,
}

/// The part of a URL that is about encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    pub(crate) mode: SslMode,
    pub(crate) root: Option<RootCertificates>,
    /// File of the client's own certificate.
    pub(crate) certificate: Option<PathBuf>,
    /// File of the key that belongs to it.
    pub(crate) key: Option<PathBuf>,
}

/// Encryption cannot be set up. Mend the file, or the parameter that names it.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    #[error("cannot read {}", file.display())]
    File {
        file: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("{} holds no certificate", file.display())]
    NoCertificate { file: PathBuf },
    #[error("the system has no root certificates")]
    NoSystemCertificates,
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

impl TlsSettings {
    /// Reads the files, once.
    pub(crate) fn connector(&self) -> Result<Connector, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.verifier(&provider)?));
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|source| TlsError::File { file: key.clone(), source })?;
                builder.with_client_auth_cert(chain, key)?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Connector::new(config))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<ChainVerifier, TlsError> {
        let algorithms = provider.signature_verification_algorithms;
        // As in libpq, root certificates that were named are used, also where `require` alone
        // would not verify anything.
        let is_verified = self.root.is_some()
            && matches!(self.mode, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull);
        if !is_verified {
            return Ok(ChainVerifier::trusting_anybody(algorithms));
        }
        let mut roots = rustls::RootCertStore::empty();
        match &self.root {
            Some(RootCertificates::File(file)) => {
                for certificate in certificates(file)? {
                    roots.add(certificate)?;
                }
            }
            Some(RootCertificates::System) => {
                let (_, _) =
                    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            None => {}
        }
        if roots.is_empty() {
            return Err(TlsError::NoSystemCertificates);
        }
        Ok(match self.mode {
            SslMode::VerifyFull => ChainVerifier::of_chain_and_name(roots, algorithms),
            _ => ChainVerifier::of_chain(roots, algorithms),
        })
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| TlsError::File { file: file.to_owned(), source };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(wrong)?
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { file: file.to_owned() });
    }
    Ok(certificates)
}
