//! `bank serve`

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use crate::authentication::{self, Asking, AuthenticationError, Issuer};
use crate::bank::{Bank, Queries};
use crate::cli::exit::{Exit, Failure};
use crate::cli::place::Place;
use crate::http::{self, Listen, ListenAddress, Service, TlsFiles};
use crate::store::Access;
use crate::transfers::Transfers;

/// Requests of one principal that are answered in a second, unless it is said otherwise.
///
/// Far more than anybody types, and far less than the bank can answer: one client that runs wild
/// does not stop the others.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(1_000).expect("it is not zero");

/// Where to serve.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  bank serve --listen 127.0.0.1:8080
  bank serve --store postgres://bank@localhost/bank
  bank serve --store memory: --listen 127.0.0.1:0
  bank serve --listen 0.0.0.0:3000        once there is a key, see bank keys
  bank serve --listen 0.0.0.0:443 --tls-certificate chain.pem --tls-key key.pem
  bank serve --jwks issuer.json --jwt-issuer https://id.example --jwt-audience bank

As long as there is neither a key nor an issuer, nobody is asked who they are, and only this machine
is served.")]
pub(super) struct Serve {
    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value_t)]
    listen: ListenAddress,
    /// Serve TLS with this certificate and those that lead to a root, as PEM
    ///
    /// Certificate and key are read again when they change.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Requests that are answered in a second with the same key, or to the same subject of tokens;
    /// 1000 if it is left out
    #[arg(long, value_name = "REQUESTS")]
    requests_per_second: Option<NonZeroU32>,
    /// Accept tokens (JWT) that are signed with a key of this file, a JSON Web Key Set
    ///
    /// A key for RS256, ES256 or EdDSA, with a kid. The file is read again when it changes.
    #[arg(long, value_name = "FILE", requires_all = ["jwt_issuer", "jwt_audience"])]
    jwks: Option<PathBuf>,
    /// The issuer whose tokens are accepted, as in the claim iss
    #[arg(long, value_name = "ISSUER", requires = "jwks")]
    jwt_issuer: Option<String>,
    /// What the bank is called in the claim aud
    #[arg(long, value_name = "AUDIENCE", requires = "jwks")]
    jwt_audience: Option<String>,
    /// The claim with the roles, or a JSON pointer to it such as /realm_access/roles
    #[arg(long, value_name = "CLAIM", requires = "jwks", default_value = "roles")]
    jwt_roles_claim: String,
}

impl Serve {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        let app = place.log.open(Access::Write).await?;
        let models = place.open_read_models(&app, Access::Write).await?;
        let requests_per_second = self.requests_per_second.unwrap_or(PER_SECOND);
        let asking = Asking { issuer: self.issuer(), requests_per_second };
        let keys = place.keys().ok();
        let guarded = authentication::open(keys.as_ref(), app.store(), asking).await?;
        let service = Service {
            bank: Bank::new(app.clone()),
            transfers: Transfers::new(app),
            queries: Queries::new(models),
        };
        let listen = Listen { address: self.listen, tls: self.tls() };
        Ok(http::serve(service, guarded, listen, &place.log).await?)
    }

    fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles { certificates: self.tls_certificate.clone()?, key: self.tls_key.clone()? })
    }

    fn issuer(&self) -> Option<Issuer> {
        Some(Issuer {
            jwks: self.jwks.clone()?,
            issuer: self.jwt_issuer.clone()?,
            audience: self.jwt_audience.clone()?,
            roles_claim: self.jwt_roles_claim.clone(),
        })
    }
}

impl From<AuthenticationError> for Failure {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Store(error) => error.into(),
            AuthenticationError::ApiKeys(error) => error.into(),
            AuthenticationError::Issuer(error) => Self::new(Exit::Input, &error),
        }
    }
}
