//! The keys of a JWKS file.

use std::collections::HashMap;

use serde::Deserialize;
use thiserror::Error;

use super::key::{Jwk, VerifyingKey};

/// Most keys in a file. An issuer that changes its key has two or three.
pub(super) const KEYS_MAX: usize = 100;

/// The content of a JWKS file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is no JWKS. Take the one that the issuer publishes.
    #[error("it is no JSON Web Key Set")]
    Form(#[from] serde_json::Error),
    /// It has a private key, which must not leave the issuer. Replace the key at the issuer, and
    /// put only public keys here.
    #[error("the key {kid:?} is a private one")]
    Private {
        /// Which key.
        kid: String,
    },
    /// Two keys have the same `kid`. Leave one out.
    #[error("there are two keys {kid:?}")]
    Twice {
        /// Which key.
        kid: String,
    },
    /// It has more keys than anybody needs. Leave out old ones.
    #[error("{keys} keys, at most {KEYS_MAX} are taken")]
    TooMany {
        /// How many.
        keys: usize,
    },
    /// None of its keys can verify a token: with a `kid`, for RS256, ES256 or EdDSA.
    #[error("there is no key with a kid for RS256, ES256 or EdDSA")]
    Empty,
}

/// The keys of an issuer, by `kid`.
#[derive(Debug)]
pub(super) struct KeySet(HashMap<String, VerifyingKey>);

#[derive(Debug, Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

impl KeySet {
    /// Takes the keys that can verify tokens, and leaves the others aside.
    pub(super) fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        let Document { keys: jwks } = serde_json::from_slice(text)?;
        if jwks.len() > KEYS_MAX {
            return Err(KeySetError::TooMany { keys: jwks.len() });
        }
        let mut keys = HashMap::new();
        for jwk in jwks {
            let kid = jwk.kid.clone().unwrap_or_default();
            if jwk.is_private() {
                return Err(KeySetError::Private { kid });
            }
            let key = match jwk.verifying_key() {
                Ok(_) if kid.is_empty() => Err("it has no kid"),
                key => key,
            };
            match key {
                Ok(key) => {
                    if keys.insert(kid.clone(), key).is_some() {
                        return Err(KeySetError::Twice { kid });
                    }
                }
                Err(reason) => tracing::info!(kid, reason, "a key of the JWKS is not used"),
            }
        }
        if keys.is_empty() { Err(KeySetError::Empty) } else { Ok(Self(keys)) }
    }

    pub(super) fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn ed(kid: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": X })
    }

    fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn keys_for_other_purposes_are_left_aside() {
        let rsa = |bytes| json!({ "kty": "RSA", "kid": "b", "e": "AQAB", "n": "_".repeat(bytes) });
        for other in [
            with(ed("b"), "use", json!("enc")),
            with(ed("b"), "key_ops", json!(["sign"])),
            with(ed("b"), "alg", json!("HS256")),
            with(ed("b"), "alg", json!("RS256")),
            with(ed("b"), "alg", json!("none")),
            with(ed("b"), "crv", json!("Ed448")),
            with(ed("b"), "x", json!("AAAA")),
            with(ed("b"), "x", json!("+/==")),
            with(rsa(344), "alg", json!("RS512")),
            rsa(340),
            json!({ "kty": "oct", "kid": "b", "k": "c2VjcmV0" }),
            json!({ "kty": "EC", "crv": "P-256", "kid": "b", "x": X }),
            json!({ "kty": "EC", "crv": "P-384", "kid": "b", "x": X, "y": X }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": X }),
        ] {
            assert!(
                matches!(parse(std::slice::from_ref(&other)), Err(KeySetError::Empty)),
                "{other}"
            );
            let keys = parse(&[ed("a"), other.clone()]).unwrap();
            assert!(keys.find("a").is_some() && keys.find("b").is_none(), "{other}");
        }
        assert!(parse(&[rsa(344)]).unwrap().find("b").is_some());
    }

    #[test]
    fn a_file_that_is_a_mistake_is_refused() {
        assert!(matches!(KeySet::parse(b"{}"), Err(KeySetError::Form(_))));
        assert!(matches!(KeySet::parse(b"[]"), Err(KeySetError::Form(_))));
        assert!(matches!(parse(&[]), Err(KeySetError::Empty)));
        let private = with(ed("a"), "d", json!("secret"));
        assert!(matches!(parse(&[private]), Err(KeySetError::Private { kid }) if kid == "a"));
        let twice = parse(&[ed("a"), ed("a")]);
        assert!(matches!(twice, Err(KeySetError::Twice { kid }) if kid == "a"));
        let many: Vec<_> = (0..=KEYS_MAX).map(|number| ed(&number.to_string())).collect();
        assert!(matches!(parse(&many), Err(KeySetError::TooMany { .. })));
    }

    #[test]
    fn each_key_is_for_one_algorithm() {
        let keys = parse(&[ed("a")]).unwrap();
        let key = keys.find("a").unwrap();
        assert!(key.is_for("EdDSA") && key.is_for("Ed25519"));
        for other in ["", "none", "None", "HS256", "RS256", "ES256", "eddsa"] {
            assert!(!key.is_for(other), "{other}");
        }
    }
}
