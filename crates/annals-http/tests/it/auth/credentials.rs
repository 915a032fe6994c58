//! Everything that somebody may send to show who they are.

use annals_http::auth::{AUTHORIZATION_BYTES_MAX, Role};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::issuer::{Issuer, message, text, with_shared_secret};
use super::service::{World, bearer};

/// What is sent, and what comes of it on each of [`REQUESTS`](super::service::REQUESTS).
pub(super) struct Case {
    pub(super) name: String,
    pub(super) lines: Vec<String>,
    pub(super) statuses: [u16; 4],
    pub(super) problem: &'static str,
}

fn refused(name: impl Into<String>, lines: Vec<String>, status: u16) -> Case {
    let problem = if status == 400 { "malformed_header" } else { "unauthenticated" };
    Case { name: name.into(), lines, statuses: [status; 4], problem }
}

fn invalid(name: impl Into<String>, credential: &str) -> Case {
    let (lines, statuses) = (vec![bearer(credential)], [401; 4]);
    Case { name: name.into(), lines, statuses, problem: "invalid_credentials" }
}

fn accepted(name: impl Into<String>, credential: &str, roles: &[Role]) -> Case {
    let may = |needed| roles.iter().any(|role| role.includes(needed));
    let status = |needed| if may(needed) { 200 } else { 403 };
    let statuses = [status(Role::Reader), status(Role::Teller), status(Role::Operator), 404];
    let (name, lines) = (name.into(), vec![bearer(credential)]);
    Case { name, lines, statuses, problem: "forbidden" }
}

const EVERY_SET_OF_ROLES: [&[Role]; 6] = [
    &[],
    &[Role::Reader],
    &[Role::Teller],
    &[Role::Operator],
    &[Role::Teller, Role::Operator],
    &Role::ALL,
];

/// All of them.
pub(super) async fn all(world: &World) -> Vec<Case> {
    let mut cases = vec![expired_key(world).await];
    cases.extend(without_credentials(world).await);
    cases.extend(api_keys(world).await);
    cases.extend(tokens(world));
    cases.extend(forged_tokens(world));
    cases.extend(claims_that_are_wrong(world));
    cases
}

/// Leaves the clock after its end, so that it comes before all others.
async fn expired_key(world: &World) -> Case {
    let key = world.key_for(&Role::ALL, TimeDelta::hours(1)).await;
    world.clock.advance(TimeDelta::hours(1));
    invalid("an expired key", key.secret.expose())
}

async fn without_credentials(world: &World) -> Vec<Case> {
    let key = world.key(&Role::ALL).await;
    let key = key.secret.expose();
    let header = |value: &str| format!("Authorization: {value}");
    vec![
        refused("nothing", vec![], 401),
        refused("empty", vec![header("")], 401),
        refused("basic", vec![header("Basic YWxpY2U6c2VjcmV0")], 401),
        refused("no scheme", vec![header(key)], 401),
        refused("another scheme", vec![header(&format!("Token {key}"))], 401),
        refused("a header of its own", vec![format!("X-Api-Key: {key}")], 401),
        refused("a cookie", vec![format!("Cookie: token={key}")], 401),
        refused("a proxy's header", vec![format!("Proxy-Authorization: Bearer {key}")], 401),
        refused("an actor", vec!["X-Actor: root".into(), "X-Forwarded-User: root".into()], 401),
        refused("twice", vec![bearer(key), bearer(key)], 400),
        refused("a good one second", vec![header("Basic YTpi"), bearer(key)], 400),
        invalid("nothing behind bearer", ""),
        invalid("two in one", &format!("{key}, {key}")),
        invalid("not ASCII", "\u{fc}"),
        invalid("too long", &"a".repeat(AUTHORIZATION_BYTES_MAX)),
        invalid("a word", "secret"),
        invalid("dots", ".."),
        invalid("many dots", &".".repeat(1_000)),
    ]
}

async fn api_keys(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    for roles in EVERY_SET_OF_ROLES.into_iter().skip(1) {
        let key = world.key(roles).await;
        cases.push(accepted(format!("a key for {roles:?}"), key.secret.expose(), roles));
    }
    let (good, other) = (world.key(&Role::ALL).await, world.key(&Role::ALL).await);
    let (good, other) = (good.secret.expose(), other.secret.expose());
    let (id, secret) = good.rsplit_once('_').unwrap();
    let (_, secret_of_other) = other.rsplit_once('_').unwrap();
    cases.push(invalid("another key's secret", &format!("{id}_{secret_of_other}")));
    cases.push(invalid("an id that is none", &format!("annals_0123456789abcdef_{secret}")));
    cases.push(invalid("an id alone", id));
    cases.push(invalid("no secret", &format!("{id}_")));
    cases.push(invalid("capitals", &good.to_uppercase()));
    cases.push(invalid("one digit less", &good[..good.len() - 1]));
    cases.push(invalid("one digit more", &format!("{good}0")));
    let revoked = world.key(&Role::ALL).await;
    world.registry.revoke(revoked.entry.id).await.unwrap();
    cases.push(invalid("a revoked key", revoked.secret.expose()));
    cases
}

fn tokens(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        for roles in EVERY_SET_OF_ROLES {
            let token = world.issuer.token(algorithm, &world.claims(roles));
            cases.push(accepted(format!("{algorithm} for {roles:?}"), &token, roles));
        }
    }
    let token = |name: &str, value| {
        let mut claims = world.claims(&[Role::Teller]);
        claims[name] = value;
        world.issuer.token("ES256", &claims)
    };
    let teller = &[Role::Teller];
    cases.push(accepted("one of several audiences", &token("aud", json!(["a", "bank"])), teller));
    cases.push(accepted("roles as text", &token("roles", json!("openid teller")), teller));
    cases.push(accepted("roles of others", &token("roles", json!(["root", "Teller"])), &[]));
    cases.push(accepted("roles that are none", &token("roles", json!({ "teller": true })), &[]));
    cases
}

fn forged_tokens(world: &World) -> Vec<Case> {
    let (issuer, stranger) = (&world.issuer, Issuer::new());
    let claims = world.claims(&Role::ALL);
    let good = issuer.token("EdDSA", &claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let mut others = claims.clone();
    others["sub"] = json!("root");
    let others = text(others.to_string().as_bytes());
    let none = |alg: &str, kid: &str| message(&json!({ "alg": alg, "kid": kid }), &claims) + ".";
    let public = issuer.public_bytes();
    let shared =
        |kid: &str| with_shared_secret(&public, &json!({ "alg": "HS256", "kid": kid }), &claims);
    let signed_with =
        |algorithm: &str, header: Value| issuer.token_with(algorithm, &header, &claims);
    let embedded = json!({
        "alg": "EdDSA", "kid": "EdDSA", "jwk": stranger.ed25519_jwk("EdDSA"),
        "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert",
    });
    vec![
        invalid("alg none", &none("none", "RS256")),
        invalid("alg None", &none("None", "RS256")),
        invalid("alg none with a signature", &format!("{}{signature}", none("none", "EdDSA"))),
        invalid("alg empty", &none("", "RS256")),
        invalid("no signature", &none("EdDSA", "EdDSA")),
        invalid("HS256 with the public RSA key", &shared("RS256")),
        invalid("HS256 with a key for Ed25519", &shared("EdDSA")),
        invalid(
            "HS256 without kid",
            &with_shared_secret(&public, &json!({"alg":"HS256"}), &claims),
        ),
        invalid(
            "HS256 with an empty secret",
            &with_shared_secret(b"", &json!({ "alg": "HS256", "kid": "RS256" }), &claims),
        ),
        invalid("a stranger's key", &stranger.token("EdDSA", &claims)),
        invalid("a stranger's key for ES256", &stranger.token("ES256", &claims)),
        invalid("a stranger's key inside", &stranger.token_with("EdDSA", &embedded, &claims)),
        invalid(
            "RS512 with a key for RS256",
            &signed_with("RS512", json!({ "alg": "RS512", "kid": "RS256" })),
        ),
        invalid(
            "RS512 that says RS256",
            &signed_with("RS512", json!({ "alg": "RS256", "kid": "RS256" })),
        ),
        invalid(
            "ES256 by the key for Ed25519",
            &signed_with("EdDSA", json!({ "alg": "ES256", "kid": "ES256" })),
        ),
        invalid("an unknown kid", &signed_with("EdDSA", json!({ "alg": "EdDSA", "kid": "x" }))),
        invalid(
            "another key's kid",
            &signed_with("EdDSA", json!({ "alg": "EdDSA", "kid": "ES256" })),
        ),
        invalid("no kid", &signed_with("EdDSA", json!({ "alg": "EdDSA" }))),
        invalid(
            "a kid that is a number",
            &signed_with("EdDSA", json!({ "alg": "EdDSA", "kid": 1 })),
        ),
        invalid(
            "a kid that is a path",
            &signed_with("EdDSA", json!({ "alg": "EdDSA", "kid": "../../dev/null" })),
        ),
        invalid("no alg", &signed_with("EdDSA", json!({ "kid": "EdDSA" }))),
        invalid(
            "alg as a list",
            &signed_with("EdDSA", json!({ "alg": ["EdDSA"], "kid": "EdDSA" })),
        ),
        invalid(
            "critical extensions",
            &signed_with("EdDSA", json!({ "alg": "EdDSA", "kid": "EdDSA", "crit": ["exp"] })),
        ),
        invalid(
            "unencoded payload",
            &signed_with(
                "EdDSA",
                json!({ "alg": "EdDSA", "kid": "EdDSA", "b64": false, "crit": ["b64"] }),
            ),
        ),
        invalid("a header that is a list", &signed_with("EdDSA", json!(["EdDSA"]))),
        invalid("other claims", &format!("{header}.{others}.{signature}")),
        invalid("a signature cut short", &good[..good.len() - 4]),
        invalid("a signature with padding", &format!("{good}==")),
        invalid("four parts", &format!("{good}.{signature}")),
        invalid("two parts", signed),
        invalid("one part", payload),
        invalid("five parts, as if encrypted", &format!("{good}.a.b")),
        invalid("no header", &format!(".{payload}.{signature}")),
        invalid(
            "deep JSON",
            &format!("{}.{payload}.{signature}", text("[".repeat(5_000).as_bytes())),
        ),
    ]
}

fn claims_that_are_wrong(world: &World) -> Vec<Case> {
    let now = world.now().timestamp();
    let wrong = [
        ("iss", json!(null)),
        ("iss", json!("https://id.example/bank/")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(["https://id.example/bank"])),
        ("aud", json!(null)),
        ("aud", json!("shop")),
        ("aud", json!([])),
        ("aud", json!("bank ")),
        ("exp", json!(null)),
        ("exp", json!(now - 31)),
        ("exp", json!(0)),
        ("exp", json!("9999999999")),
        ("nbf", json!(now + 31)),
        ("nbf", json!("0")),
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!("root\nX-Role: operator")),
        ("sub", json!("x".repeat(256))),
    ];
    let case = |(name, value): (&str, Value)| {
        let mut claims = world.claims(&Role::ALL);
        claims[name] = value.clone();
        invalid(format!("{name} is {value}"), &world.issuer.token("RS256", &claims))
    };
    wrong.into_iter().map(case).collect()
}
