//! `bank serve`

use std::path::PathBuf;

use clap::Args;

use crate::authentication::{self, AuthenticationError, Issuer};
use crate::bank::{Bank, Queries};
use crate::cli::exit::{Exit, Failure};
use crate::cli::place::Place;
use crate::http::{self, ListenAddress, Service};
use crate::store::Access;
use crate::transfers::Transfers;

/// Where to serve.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  bank serve --listen 127.0.0.1:8080
  bank serve --store postgres://bank@localhost/bank
  bank serve --store memory: --listen 127.0.0.1:0
  bank serve --listen 0.0.0.0:3000        once there is a key, see bank keys
  bank serve --jwks issuer.json --jwt-issuer https://id.example --jwt-audience bank

As long as there is neither a key nor an issuer, nobody is asked who they are, and only this machine
is served.")]
pub(super) struct Serve {
    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value_t)]
    listen: ListenAddress,
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
        let issuer = self.issuer();
        let guarded = authentication::open(&place.log, app.store(), issuer).await?;
        let service = Service {
            bank: Bank::new(app.clone()),
            transfers: Transfers::new(app),
            queries: Queries::new(models),
        };
        Ok(http::serve(service, guarded, self.listen, &place.log).await?)
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
