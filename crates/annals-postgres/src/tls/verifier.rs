//! What is checked about a server's certificate.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Checks as much as the `sslmode` asks for. That the server holds the key of the certificate it
/// shows is always checked.
#[derive(Debug)]
pub(super) struct ChainVerifier {
    checks: Checks,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Checks {
    /// Who listens sees nothing, who pretends to be the server is not noticed.
    Nothing,
    Chain(RootCertStore),
    ChainAndName(RootCertStore),
}

impl ChainVerifier {
    pub(super) fn trusting_anybody(algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { checks: Checks::Nothing, algorithms }
    }

    pub(super) fn of_chain(roots: RootCertStore, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { checks: Checks::Chain(roots), algorithms }
    }

    pub(super) fn of_chain_and_name(
        roots: RootCertStore,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self { checks: Checks::ChainAndName(roots), algorithms }
    }
}

impl ServerCertVerifier for ChainVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = |roots| {
            let certificate = ParsedCertificate::try_from(certificate)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
            Ok::<_, Error>(certificate)
        };
        match &self.checks {
            Checks::Nothing => {}
            Checks::Chain(roots) => {
                chain(roots)?;
            }
            Checks::ChainAndName(roots) => verify_server_name(&chain(roots)?, name)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
