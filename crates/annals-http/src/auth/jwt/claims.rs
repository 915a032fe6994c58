//! What a token says, once it is known that its issuer said it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::JwtOptions;
use crate::auth::denied::CredentialError;
use crate::auth::principal::Subject;
use crate::auth::role::{Role, Roles};

/// Who a token is about and what they may do, if it is for this service and this time.
pub(super) fn check(
    claims: &Value,
    options: &JwtOptions,
) -> Result<(Subject, Roles), CredentialError> {
    if text(claims, "iss")? != &*options.issuer {
        return Err(CredentialError::WrongIssuer);
    }
    if !is_for(claims.get("aud"), &options.audience)? {
        return Err(CredentialError::WrongAudience);
    }
    check_time(claims, options.clock.now(), options.leeway)?;
    let subject =
        Subject::new(text(claims, "sub")?).map_err(|_| CredentialError::MalformedClaim("sub"))?;
    Ok((subject, roles(claims, &options.roles_claim)))
}

fn text<'a>(claims: &'a Value, name: &'static str) -> Result<&'a str, CredentialError> {
    claims.get(name).and_then(Value::as_str).ok_or(CredentialError::MalformedClaim(name))
}

/// One audience or a list of them.
fn is_for(claim: Option<&Value>, audience: &str) -> Result<bool, CredentialError> {
    match claim {
        Some(Value::String(only)) => Ok(only == audience),
        Some(Value::Array(all)) => Ok(all.iter().any(|one| one.as_str() == Some(audience))),
        _ => Err(CredentialError::MalformedClaim("aud")),
    }
}

fn check_time(
    claims: &Value,
    now: DateTime<Utc>,
    leeway: TimeDelta,
) -> Result<(), CredentialError> {
    let expires = seconds(claims, "exp")?.ok_or(CredentialError::MalformedClaim("exp"))?;
    let begins = seconds(claims, "nbf")?;
    // Exact up to microseconds for the next 200 years.
    #[expect(clippy::cast_precision_loss, reason = "far below the numbers that f64 rounds")]
    let second = |time: DateTime<Utc>| time.timestamp_micros() as f64 / 1e6;
    if expires <= second(now - leeway) {
        return Err(CredentialError::Expired);
    }
    match begins {
        Some(begins) if begins > second(now + leeway) => Err(CredentialError::NotYetValid),
        _ => Ok(()),
    }
}

/// Seconds since 1970, maybe with a fraction (RFC 7519, `NumericDate`).
fn seconds(claims: &Value, name: &'static str) -> Result<Option<f64>, CredentialError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(CredentialError::MalformedClaim(name)),
        },
    }
}

fn roles(claims: &Value, name: &str) -> Roles {
    let claim = if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) };
    let names: Vec<&str> = match claim {
        Some(Value::String(names)) => names.split(' ').collect(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter_map(|name| name.parse::<Role>().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use annals_testing::ManualClock;
    use serde_json::json;

    use super::*;

    fn options() -> JwtOptions {
        let clock = ManualClock::new(DateTime::from_timestamp(1_000, 0).unwrap());
        JwtOptions::new("https://id.example", "bank").clock(Arc::new(clock))
    }

    /// The claims of a token that is accepted, but for one.
    fn but(name: &str, value: Value) -> Result<(Subject, Roles), CredentialError> {
        let mut claims = json!({
            "iss": "https://id.example", "aud": "bank", "sub": "alice", "exp": 2_000, "nbf": 500,
            "roles": ["teller"],
        });
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        check(&claims, &options())
    }

    #[test]
    fn every_claim_must_be_as_it_should() {
        use CredentialError::{Expired, MalformedClaim, NotYetValid, WrongAudience, WrongIssuer};
        for (name, value, expected) in [
            ("iss", json!(null), MalformedClaim("iss")),
            ("iss", json!(["https://id.example"]), MalformedClaim("iss")),
            ("iss", json!("https://id.example/"), WrongIssuer),
            ("aud", json!(null), MalformedClaim("aud")),
            ("aud", json!(7), MalformedClaim("aud")),
            ("aud", json!("Bank"), WrongAudience),
            ("aud", json!([]), WrongAudience),
            ("aud", json!(["shop", ["bank"]]), WrongAudience),
            ("exp", json!(null), MalformedClaim("exp")),
            ("exp", json!("2000"), MalformedClaim("exp")),
            ("exp", json!(970), Expired),
            ("exp", json!(-1), Expired),
            ("nbf", json!("500"), MalformedClaim("nbf")),
            ("nbf", json!(1_031), NotYetValid),
            ("nbf", json!(1e300), NotYetValid),
            ("sub", json!(null), MalformedClaim("sub")),
            ("sub", json!(""), MalformedClaim("sub")),
            ("sub", json!("a\nb"), MalformedClaim("sub")),
        ] {
            assert_eq!(but(name, value.clone()), Err(expected), "{name}: {value}");
        }
    }

    #[test]
    fn forms_that_the_standard_allows_are_accepted() {
        for (name, value) in [
            ("aud", json!(["shop", "bank"])),
            ("exp", json!(970.5)),
            ("exp", json!(971)),
            ("exp", json!(1e300)),
            ("nbf", json!(null)),
            ("nbf", json!(1_030)),
        ] {
            assert!(but(name, value.clone()).is_ok(), "{name}: {value}");
        }
    }

    #[test]
    fn roles_come_from_the_claim_that_is_named() {
        let claims = json!({
            "roles": ["teller", "admin", 7],
            "scope": "openid reader",
            "https://bank.example/roles": ["operator"],
            "realm_access": { "roles": ["operator", "reader"] },
        });
        let from = |name| roles(&claims, name).to_string();
        assert_eq!(from("roles"), "teller");
        assert_eq!(from("scope"), "reader");
        assert_eq!(from("https://bank.example/roles"), "operator");
        assert_eq!(from("/https:~1~1bank.example~1roles"), "operator");
        assert_eq!(from("/realm_access/roles"), "reader, operator");
        for nothing in ["", "/", "role", "/realm_access", "/realm_access/roles/0/x"] {
            assert_eq!(from(nothing), "", "{nothing}");
        }
    }
}
