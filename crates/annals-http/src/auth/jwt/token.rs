//! A token: three parts, of which the third signs the other two.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::key_set::KeySet;
use crate::auth::denied::CredentialError;

/// The claims of a token that one of the keys has signed.
pub(super) fn verify(token: &str, keys: &KeySet) -> Result<Value, CredentialError> {
    let malformed = CredentialError::Malformed;
    let (message, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, payload) = message.split_once('.').ok_or(malformed)?;
    let header = object(header)?;
    // Extensions that must be understood (RFC 7515, section 4.1.11). None is.
    if header.get("crit").is_some() {
        return Err(CredentialError::UnknownExtension);
    }
    let text = |name| header.get(name).and_then(Value::as_str);
    let key = text("kid").and_then(|kid| keys.find(kid));
    let key = key.ok_or(CredentialError::UnknownSigningKey)?;
    if !text("alg").is_some_and(|algorithm| key.is_for(algorithm)) {
        return Err(CredentialError::WrongAlgorithm);
    }
    if !key.verifies(message.as_bytes(), &bytes(signature)?) {
        return Err(CredentialError::WrongSignature);
    }
    object(payload)
}

fn object(part: &str) -> Result<Value, CredentialError> {
    let value = serde_json::from_slice(&bytes(part)?).ok().filter(Value::is_object);
    value.ok_or(CredentialError::Malformed)
}

fn bytes(part: &str) -> Result<Vec<u8>, CredentialError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| CredentialError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8037, appendix A.4 (Ed25519), with the key of A.2.
    #[test]
    fn the_signature_of_rfc_8037_is_verified() {
        let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let keys = KeySet::parse(jwks.as_bytes()).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sV\
            vpAr_MuM0KAg";
        let key = keys.find("a").unwrap();
        assert!(key.verifies(message, &bytes(signature).unwrap()));
        assert!(!key.verifies(&message[1..], &bytes(signature).unwrap()));
    }

    /// The example of RFC 7515, appendix A.3 (ES256).
    #[test]
    fn the_signature_of_rfc_7515_is_verified() {
        let jwks = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
        let keys = KeySet::parse(jwks.as_bytes()).unwrap();
        let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
            dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTU\
            JqPP3-Kg6NU1Q";
        let key = keys.find("a").unwrap();
        assert!(key.verifies(message, &bytes(signature).unwrap()));
        assert!(!key.verifies(&message[1..], &bytes(signature).unwrap()));
    }
}
