//! A bank that somebody looks after, with everybody who may and may not use it.

use std::collections::BTreeMap;

use annals::limits::PAYLOAD_BYTES_MAX;
use annals::{EventType, Json, NewEvent, StreamId};
use chrono::Utc;
use serde_json::{Value, json};

use super::row::{Names, Request};
use super::wire;
use crate::authentication::key;
use crate::client::Answer;
use crate::home::Home;
use crate::issuer::{Issuer, message, with_shared_secret};
use crate::server::Server;

/// The transfer that was made.
pub(super) const TRANSFER: &str = "0198c5f0-7b7e-7000-8000-000000000001";

/// A name for what there is none of.
pub(super) const NOBODY: &str = "0198c5f0-7b7e-7000-8000-0000000000ff";

const ISSUER: &str = "https://id.example/bank";

/// Alice has 10000 and a transfer of 1 to Bob behind her, Carol has closed her account, an account
/// that is full has no place for more, and an event of Dave's cannot be read.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) names: Names,
    credentials: BTreeMap<&'static str, String>,
}

impl World {
    pub(super) fn new(home: &Home) -> Self {
        let open = ["account", "open", "dave", "--owner-name", "Dave"];
        assert_eq!(home.bank(&open).code, Some(0));
        home.append(vec![of_the_future("dave")]);
        let issuer = Issuer::new();
        let credentials = credentials(home, &issuer);
        home.write("jwks.json", issuer.jwks().to_string());
        let args = ["--jwks", "jwks.json", "--jwt-issuer", ISSUER, "--jwt-audience", "bank"];
        let server = Server::start_with_args(home, &args);
        let mut world = Self { server, names: Names::new(), credentials };
        world.fill();
        world
    }

    fn fill(&mut self) {
        for (id, balance) in [("alice", 10_001), ("bob", 0), ("carol", 0), ("full", i64::MAX)] {
            let open = json!({"account_id": id, "owner_name": id, "initial_balance": balance});
            self.succeed("POST", "/accounts", &open);
        }
        self.succeed("POST", "/accounts/carol/close", &json!({}));
        let made = self.succeed(
            "POST",
            "/transfers",
            &json!({
                "transfer_id": TRANSFER, "from_account_id": "alice", "to_account_id": "bob",
                "amount": 1, "mode": "instant",
            }),
        );
        let token = made["consistency_token"].as_str().unwrap().to_owned();
        let (_, place) = token.split_at(36);
        self.names = Names::from([
            ("token".to_owned(), token.clone()),
            ("token-of-another-log".to_owned(), format!("{NOBODY}{place}")),
            ("transfer".to_owned(), TRANSFER.to_owned()),
            ("nobody".to_owned(), NOBODY.to_owned()),
            ("saga".to_owned(), "0198c5f0-7b7e-7000-8000-00000000000a".to_owned()),
            ("period".to_owned(), Utc::now().format("%Y-%m").to_string()),
        ]);
    }

    fn succeed(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask("all", method, path, &body.to_string());
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The answer to a request with JSON of somebody.
    pub(super) fn ask(&self, who: &str, method: &str, path: &str, body: &str) -> Answer {
        let line = format!("200 - {who} {method} {path} {body}");
        let row = super::row::rows(&line).remove(0);
        self.send(&row.request).unwrap()
    }

    /// What is answered to a request.
    pub(super) fn send(&self, request: &Request) -> Option<Answer> {
        wire::exchange(self.server.address(), &self.bytes(request))
    }

    /// A path with its names put in.
    pub(super) fn named(&self, path: &str) -> String {
        let put_in = |path: String, (name, value): (&String, &String)| {
            path.replace(&format!("<<{name}>>"), value)
        };
        self.names.iter().fold(path.to_owned(), put_in)
    }

    /// Takes the name of the first dead letter from a list of them.
    pub(super) fn learn(&mut self, answer: &Answer) {
        let body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        if let Some(letter) = body["dead_letters"][0]["id"].as_str() {
            self.names.insert("letter".to_owned(), letter.to_owned());
        }
    }

    fn bytes(&self, request: &Request) -> Vec<u8> {
        request.bytes(&self.names, &self.credentials)
    }
}

/// A deposit that newer code has written.
fn of_the_future(id: &str) -> NewEvent {
    let payload = json!({"amount": {"minor": 5}, "deposited_at": "2026-01-31T12:00:00Z"});
    let payload = Json::parse("payload", payload.to_string(), PAYLOAD_BYTES_MAX).unwrap();
    let stream = StreamId::new("account", id).unwrap();
    NewEvent::new(stream, EventType::new("money_deposited").unwrap(), 2, payload).unwrap()
}

/// What each of them says about themselves, as lines of a head.
fn credentials(home: &Home, issuer: &Issuer) -> BTreeMap<&'static str, String> {
    let bearer = |credential: &str| format!("authorization: Bearer {credential}\r\n");
    let [reader, teller, operator] = ["reader", "teller", "operator"].map(|it| key(home, it).1);
    let both = ["keys", "create", "all", "--role", "teller", "--role", "operator"];
    let both = home.bank(&[&both[..], &["--format", "json"]].concat()).json();
    let all = both["key"].as_str().unwrap();
    let (id, revoked) = key(home, "teller");
    assert_eq!(home.bank(&["keys", "revoke", &id]).code, Some(0));
    let (cut, _) = all.split_at(all.len() - 1);
    let secret = |key: &str| key.rsplit_once('_').unwrap().1.to_owned();
    let other_secret = format!("{}_{}", all.rsplit_once('_').unwrap().0, secret(&reader));
    let mut lines = BTreeMap::from([
        ("nobody", String::new()),
        ("reader", bearer(&reader)),
        ("teller", bearer(&teller)),
        ("operator", bearer(&operator)),
        ("all", bearer(all)),
        ("twice", bearer(all) + &bearer(all)),
        ("revoked", bearer(&revoked)),
        ("cut", bearer(cut)),
        ("other-secret", bearer(&other_secret)),
        ("basic", "authorization: Basic YWxpY2U6c2VjcmV0\r\n".to_owned()),
        ("no-scheme", format!("authorization: {all}\r\n")),
        ("two-in-one", bearer(&format!("{all}, {all}"))),
        ("cookie", format!("cookie: token={all}\r\n")),
        ("api-key-header", format!("x-api-key: {all}\r\n")),
        ("claimed-actor", "x-actor: root\r\nx-forwarded-user: root\r\n".to_owned()),
        ("long", bearer(&"a".repeat(9_000))),
        ("dots", bearer("..")),
        ("empty", bearer("")),
    ]);
    lines.extend(tokens(issuer).into_iter().map(|(name, token)| (name, bearer(&token))));
    lines
}

fn tokens(issuer: &Issuer) -> Vec<(&'static str, String)> {
    let now = Utc::now().timestamp();
    let claims = json!({
        "iss": ISSUER, "aud": "bank", "sub": "token holder", "exp": now + 3_600,
        "roles": ["teller", "operator"],
    });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        issuer.token("ES256", &claims)
    };
    let unsigned =
        |algorithm: &str| message(&json!({"alg": algorithm, "kid": "RS256"}), &claims) + ".";
    let shared = json!({"alg": "HS256", "kid": "RS256"});
    let unknown = json!({"alg": "EdDSA", "kid": "unknown"});
    let critical = json!({"alg": "EdDSA", "kid": "EdDSA", "crit": ["exp"]});
    vec![
        ("token-rs256", issuer.token("RS256", &claims)),
        ("token-eddsa", issuer.token("EdDSA", &claims)),
        ("token-no-roles", with("roles", json!([]))),
        ("token-expired", with("exp", json!(now - 3_600))),
        ("token-not-yet", with("nbf", json!(now + 3_600))),
        ("token-wrong-audience", with("aud", json!("shop"))),
        ("token-wrong-issuer", with("iss", json!("https://evil.example"))),
        ("token-no-subject", with("sub", json!(""))),
        ("token-subject-breaks-line", with("sub", json!("root\r\nx-role: operator"))),
        ("token-alg-none", unsigned("none")),
        ("token-alg-none-in-capitals", unsigned("NONE")),
        ("token-hs-for-rs", with_shared_secret(&issuer.public_bytes(), &shared, &claims)),
        ("token-of-a-stranger", Issuer::new().token("EdDSA", &claims)),
        ("token-unknown-kid", issuer.token_with("EdDSA", &unknown, &claims)),
        ("token-critical", issuer.token_with("EdDSA", &critical, &claims)),
        ("token-cut", issuer.token("EdDSA", &claims).rsplit_once('.').unwrap().0.to_owned()),
    ]
}
