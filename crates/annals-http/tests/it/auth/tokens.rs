//! The issuer's keys change while the service runs.

use annals_http::auth::{Jwt, JwtOptions, KeyFileError, Role};
use serde_json::json;

use super::issuer::Issuer;
use super::service::{AUDIENCE, ISSUER, World};

#[tokio::test]
async fn keys_come_and_go_with_the_file() {
    let world = World::new().await;
    let service = world.serve(world.authentication.clone()).await;
    let (old, next) = (&world.issuer, Issuer::new());
    let claims = world.claims(&[Role::Reader]);
    let of_old = old.token("ES256", &claims);
    let of_next = next.token_with("EdDSA", &json!({ "alg": "EdDSA", "kid": "next" }), &claims);
    let statuses = async || {
        let (old, next) =
            (service.ask("GET /notes", &of_old).await, service.ask("GET /notes", &of_next).await);
        (old.status, next.status)
    };
    assert_eq!(statuses().await, (200, 401));

    let mut both = old.jwks();
    both["keys"].as_array_mut().unwrap().push(next.ed25519_jwk("next"));
    world.write_jwks(&both.to_string());
    world.jwt.reload().unwrap();
    assert_eq!(statuses().await, (200, 200));

    // Half a file, as from an editor that does not rename, changes nothing.
    world.write_jwks(&both.to_string()[..100]);
    assert!(matches!(world.jwt.reload(), Err(KeyFileError::Keys { .. })));
    world.jwt.reload().unwrap();
    assert_eq!(statuses().await, (200, 200));

    world.write_jwks(&json!({ "keys": [next.ed25519_jwk("next")] }).to_string());
    world.jwt.reload().unwrap();
    assert_eq!(statuses().await, (401, 200));

    std::fs::remove_file(world.path("jwks.json")).unwrap();
    assert!(matches!(world.jwt.reload(), Err(KeyFileError::Io { .. })));
    assert_eq!(statuses().await, (401, 200));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_file_is_noticed_without_being_told() {
    let mut world = World::new().await;
    let (_, follower) = world.followers();
    let next = Issuer::new();
    let claims = world.claims(&[Role::Reader]);
    let of_next = next.token_with("EdDSA", &json!({ "alg": "EdDSA", "kid": "next" }), &claims);
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {of_next}").parse().unwrap());
    assert!(world.authentication.authenticate(&headers).is_err());
    world.write_jwks(&json!({ "keys": [next.ed25519_jwk("next")] }).to_string());
    let (authentication, path) = (world.authentication.clone(), headers);
    let noticed = async move {
        while authentication.authenticate(&path).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let within = tokio::time::timeout(std::time::Duration::from_secs(60), noticed);
    follower.run(async { within.await.unwrap() }).await;
}

#[test]
fn a_file_that_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let open = || Jwt::open(&path, JwtOptions::new(ISSUER, AUDIENCE)).map(drop);
    assert!(matches!(open(), Err(KeyFileError::Io { .. })));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(open(), Err(KeyFileError::Keys { .. })));
    std::fs::write(&path, " ".repeat(1024 * 1024 + 1)).unwrap();
    assert!(matches!(open(), Err(KeyFileError::TooLarge { .. })));
}
