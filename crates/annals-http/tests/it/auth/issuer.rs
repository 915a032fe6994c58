//! An issuer of tokens, and somebody who would like to be one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

/// A key made for these tests; making one of this kind takes seconds.
const RSA: &str = include_str!("rsa_key_for_tests.txt");

/// Has a key for each algorithm, named after it.
pub(super) struct Issuer {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let rsa = STANDARD.decode(RSA.replace('\n', "")).unwrap();
        Self {
            rsa: RsaKeyPair::from_pkcs8(&rsa).unwrap(),
            p256: EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                p256.as_ref(),
                &random,
            )
            .unwrap(),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap(),
        }
    }

    /// The public keys, as the issuer publishes them.
    pub(super) fn jwks(&self) -> Value {
        let rsa: RsaPublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let (x, y) = self.p256.public_key().as_ref()[1..].split_at(32);
        json!({ "keys": [
            { "kid": "RS256", "kty": "RSA", "use": "sig", "alg": "RS256",
              "n": text(&rsa.n), "e": text(&rsa.e) },
            { "kid": "ES256", "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) },
            self.ed25519_jwk("EdDSA"),
        ] })
    }

    /// The Ed25519 key under a name.
    pub(super) fn ed25519_jwk(&self, kid: &str) -> Value {
        let x = text(self.ed25519.public_key().as_ref());
        json!({ "kid": kid, "kty": "OKP", "crv": "Ed25519", "x": x })
    }

    /// The modulus of the RSA key, as bytes that everybody knows.
    pub(super) fn public_bytes(&self) -> Vec<u8> {
        let rsa: RsaPublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        rsa.n
    }

    /// Signs with the key for an algorithm, which the header names.
    pub(super) fn token(&self, algorithm: &str, claims: &Value) -> String {
        self.token_with(algorithm, &json!({ "alg": algorithm, "kid": algorithm }), claims)
    }

    /// Signs with the key for an algorithm, whatever the header says.
    pub(super) fn token_with(&self, algorithm: &str, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match algorithm {
            "RS256" | "RS512" => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                let padding =
                    if algorithm == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PKCS1_SHA512 };
                self.rsa.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            "ES256" => self.p256.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed25519.sign(message.as_bytes()).as_ref().to_vec(),
            other => panic!("nobody signs with {other}"),
        };
        format!("{message}.{}", text(&signature))
    }
}

/// What is signed.
pub(super) fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()))
}

/// A token that is signed with a secret shared by both sides.
pub(super) fn with_shared_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = ring::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", text(signature.as_ref()))
}

pub(super) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
