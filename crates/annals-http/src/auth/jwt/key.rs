//! A public key, and the one algorithm it is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

/// A key of a JWKS file, as far as it is needed (RFC 7517, 7518, 8037).
#[derive(Debug, Deserialize)]
pub(super) struct Jwk {
    kty: String,
    pub(super) kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// The private part of a key of any kind.
    d: Option<serde::de::IgnoredAny>,
}

/// A key that verifies signatures.
#[derive(Debug)]
pub(super) struct VerifyingKey {
    /// What a token may call the algorithm.
    names: &'static [&'static str],
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
    Es256(UnparsedPublicKey<Vec<u8>>),
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

/// `EdDSA` is what RFC 8037 calls it, and `Ed25519` what RFC 9864 calls it since.
const ED25519_NAMES: &[&str] = &["EdDSA", "Ed25519"];

/// Least bits of an RSA modulus, and most.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

impl Jwk {
    /// Whether the file gives away what only the issuer may have.
    pub(super) fn is_private(&self) -> bool {
        self.d.is_some()
    }

    /// The key, if it is one to verify signatures with; else why not.
    pub(super) fn verifying_key(&self) -> Result<VerifyingKey, &'static str> {
        let is_for_signatures = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !is_for_signatures {
            return Err("it is not for signatures");
        }
        let (names, material): (&'static [&'static str], _) =
            match (self.kty.as_str(), self.crv.as_deref()) {
                ("RSA", _) => (&["RS256"], self.rsa()?),
                ("EC", Some("P-256")) => (&["ES256"], self.p256()?),
                ("OKP", Some("Ed25519")) => (ED25519_NAMES, self.ed25519()?),
                _ => return Err("its kind is none of RSA, EC P-256 and OKP Ed25519"),
            };
        match &self.alg {
            Some(alg) if !names.contains(&alg.as_str()) => {
                Err("its algorithm is none of RS256, ES256 and EdDSA, or does not fit its kind")
            }
            _ => Ok(VerifyingKey { names, material }),
        }
    }

    fn rsa(&self) -> Result<Material, &'static str> {
        let (n, e) = (bytes(self.n.as_ref())?, bytes(self.e.as_ref())?);
        let n: Vec<u8> = n.into_iter().skip_while(|byte| *byte == 0).collect();
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err("its modulus does not have 2048 to 8192 bits");
        }
        Ok(Material::Rs256(RsaPublicKeyComponents { n, e }))
    }

    fn p256(&self) -> Result<Material, &'static str> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        if (x.len(), y.len()) != (32, 32) {
            return Err("its coordinates do not have 32 bytes");
        }
        // The form that begins with 4 has both coordinates (SEC 1, section 2.3.3).
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        Ok(Material::Es256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)))
    }

    fn ed25519(&self) -> Result<Material, &'static str> {
        let x = bytes(self.x.as_ref())?;
        if x.len() != 32 {
            return Err("it does not have 32 bytes");
        }
        Ok(Material::Ed25519(UnparsedPublicKey::new(&ED25519, x)))
    }
}

fn bytes(text: Option<&String>) -> Result<Vec<u8>, &'static str> {
    let text = text.ok_or("a part of it is missing")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "a part of it is not base64url")
}

impl VerifyingKey {
    /// Whether it is for the algorithm of this name.
    pub(super) fn is_for(&self, algorithm: &str) -> bool {
        self.names.contains(&algorithm)
    }

    /// Whether `signature` is that of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rs256(key) => {
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Material::Es256(key) | Material::Ed25519(key) => key.verify(message, signature).is_ok(),
        }
    }
}
