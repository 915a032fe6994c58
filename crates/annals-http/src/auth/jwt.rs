//! JSON Web Tokens: who somebody is, signed by an issuer that the service trusts.
//!
//! Only what is needed to verify: three algorithms, keys from a file, claims that must be there.
//! Each key is for one algorithm, and what a token says about itself is compared with it and never
//! followed: `alg`, `jwk`, `jku` and `x5u` of a token choose nothing. The signature is checked
//! before any claim is looked at.
//!
//! Source: RFC 7515, 7517, 7518, 7519 and 8037, with the advice of RFC 8725.

mod claims;
mod key;
mod key_file;
mod key_set;
mod token;

use std::sync::Arc;

use annals_core::{Clock, SystemClock};
use chrono::TimeDelta;

use super::denied::CredentialError;
use super::principal::{Principal, Proof};

use self::key_file::KeyFile;
pub use self::key_file::{JwtFollower, KeyFileError};
pub use self::key_set::KeySetError;

/// How far clocks may be apart, unless something else is said.
///
/// Machines that keep time by NTP are within a second of each other; half a minute also covers one
/// that does so badly, and is little beside the lifetime of a token.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Which tokens are accepted.
#[derive(Debug, Clone)]
pub struct JwtOptions {
    issuer: Arc<str>,
    audience: String,
    roles_claim: String,
    leeway: TimeDelta,
    clock: Arc<dyn Clock>,
}

impl JwtOptions {
    /// Accepts tokens whose `iss` is `issuer` and whose `aud` is or contains `audience`, to the
    /// letter. Their roles are in the claim `roles`.
    #[must_use]
    pub fn new(issuer: impl Into<Arc<str>>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            roles_claim: "roles".to_owned(),
            leeway: LEEWAY,
            clock: Arc::new(SystemClock),
        }
    }

    /// Takes the roles from another claim: its name, or a JSON pointer (RFC 6901) such as
    /// `/realm_access/roles`.
    ///
    /// The claim is a list of texts, or one text with spaces in between. `reader`, `teller` and
    /// `operator` are roles; anything else is somebody else's and grants nothing.
    #[must_use]
    pub fn roles_claim(self, claim: impl Into<String>) -> Self {
        Self { roles_claim: claim.into(), ..self }
    }

    /// How far the issuer's clock and this one may be apart; 30 seconds if nothing is said.
    #[must_use]
    pub fn leeway(self, leeway: TimeDelta) -> Self {
        Self { leeway, ..self }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }
}

/// The tokens of one issuer. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct Jwt(Arc<Verifier>);

#[derive(Debug)]
struct Verifier {
    options: JwtOptions,
    keys: KeyFile,
}

impl Jwt {
    /// Reads the issuer's public keys from a JWKS file (RFC 7517). Blocks for a moment.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`], whose variants say what to do.
    pub fn open(
        jwks: impl Into<std::path::PathBuf>,
        options: JwtOptions,
    ) -> Result<(Self, JwtFollower), KeyFileError> {
        let jwt = Self(Arc::new(Verifier { options, keys: KeyFile::open(jwks.into())? }));
        Ok((jwt.clone(), JwtFollower::new(jwt)))
    }

    /// Reads the keys again, if the file has changed. Blocks for a moment.
    ///
    /// A key that is not in the file any more is not accepted any more; a file that cannot be used
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`], whose variants say what to do.
    pub fn reload(&self) -> Result<(), KeyFileError> {
        self.0.keys.reload()
    }

    /// Who sends this token.
    pub(super) fn authenticate(&self, token: &str) -> Result<Principal, CredentialError> {
        let Verifier { options, keys } = &*self.0;
        let claims = token::verify(token, &keys.current())?;
        let (subject, roles) = claims::check(&claims, options)?;
        let proof = Proof::Jwt { issuer: Arc::clone(&options.issuer) };
        Ok(Principal::new(subject, proof, roles))
    }
}
