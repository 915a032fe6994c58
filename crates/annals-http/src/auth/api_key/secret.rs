//! What a key looks like, and what is kept of it.

use std::fmt;
use std::str::FromStr;

use annals_core::LimitError;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// What every key begins with, so that people and programs that look for lost secrets know one when
/// they see it.
const PREFIX: &str = "annals_";

/// Random bytes of an id. Two keys of one log with the same one are as good as impossible, and
/// creating the second would be refused.
const ID_BYTES: usize = 8;

/// Random bytes of a secret. More than anybody can ever try.
const SECRET_BYTES: usize = 32;

/// Names an API key: 16 hexadecimal digits. It is part of the key, and no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&hex(&self.0))
    }
}

impl FromStr for KeyId {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let expected = "16 hexadecimal digits in lower case";
        unhex(text).map(Self).ok_or(LimitError::Form { what: "id of an API key", expected })
    }
}

impl TryFrom<String> for KeyId {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

/// A whole API key, as clients send it. Not to be kept or logged: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    /// A new key from the system's randomness, which it does without only on a broken system.
    pub(super) fn generate() -> Result<(KeyId, Self), ring::error::Unspecified> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        let random = SystemRandom::new();
        random.fill(&mut id)?;
        random.fill(&mut secret)?;
        let text = format!("{PREFIX}{}_{}", hex(&id), hex(&secret));
        Ok((KeyId(id), Self(text)))
    }

    /// The key, to be shown once to whoever will use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeySecret(..)")
    }
}

/// Whether text is meant to be an API key.
pub(in crate::auth) fn is_api_key(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// The id in a key that is well-formed.
pub(super) fn id_of(key: &str) -> Option<KeyId> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    unhex::<SECRET_BYTES>(secret)?;
    unhex(id).map(KeyId)
}

/// What is kept of a key: the SHA-256 of all of it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Takes as long for every key, so that time says nothing about how much of it was right.
    pub(super) fn is_of(&self, key: &str) -> bool {
        self.0.ct_eq(&Self::of(key).0).into()
    }
}

/// Does not show it: it is no secret, but nobody needs it either.
impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(..)")
    }
}

/// Only for tests of commands and events; keys are compared by [`Digest::is_of`].
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl TryFrom<String> for Digest {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        let expected = "64 hexadecimal digits in lower case";
        unhex(&text).map(Self).ok_or(LimitError::Form { what: "digest of an API key", expected })
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        hex(&digest.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes one spelling only, so that a key has no second form.
fn unhex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * BYTES || !text.bytes().all(is_hex) {
        return None;
    }
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_id_and_is_recognised_by_its_digest() {
        let (id, secret) = ApiKeySecret::generate().unwrap();
        let key = secret.expose();
        assert_eq!(key.len(), 88);
        assert_eq!((id_of(key), is_api_key(key)), (Some(id), true));
        assert_eq!(id.to_string().parse(), Ok(id));
        let digest = Digest::of(key);
        assert!(digest.is_of(key));
        let mut other = key.to_owned();
        other.replace_range(87.., if key.ends_with('0') { "1" } else { "0" });
        assert!(!digest.is_of(&other));
        assert_ne!(ApiKeySecret::generate().unwrap().1, secret);
    }

    #[test]
    fn nothing_that_is_logged_or_kept_has_the_key_in_it() {
        let (_, secret) = ApiKeySecret::generate().unwrap();
        let digest = Digest::of(secret.expose());
        let random = secret.expose().rsplit('_').next().unwrap();
        let shown = format!("{secret:?} {digest:?} {}", serde_json::to_string(&digest).unwrap());
        assert!(!shown.contains(random), "{shown}");
    }

    #[test]
    fn a_key_has_one_spelling() {
        let (_, secret) = ApiKeySecret::generate().unwrap();
        let key = secret.expose();
        let upper = key.to_uppercase();
        for wrong in
            ["", "annals_", "annals_0_0", &key[1..], &key[..87], &format!("{key}0"), &upper]
        {
            assert_eq!(id_of(wrong), None, "{wrong}");
        }
    }
}
