//! API keys: from being created to being forgotten about.

use std::sync::Arc;

use annals_http::auth::{
    ApiKeyError, Authentication, KeyId, LastUsed, LastUsedFile, NewApiKey, Role, Roles, Subject,
};
use chrono::TimeDelta;
use tokio::sync::oneshot;

use super::service::World;

#[tokio::test]
async fn a_key_is_good_until_it_is_revoked_or_expires() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let service = world.serve(world.authentication.clone()).await;
    let (kept, revoked) = (world.key(&[Role::Reader]).await, world.key(&[Role::Reader]).await);
    world.up_to_date().await;
    for key in [&kept, &revoked] {
        assert_eq!(service.ask("GET /notes", key.secret.expose()).await.status, 200);
    }

    world.registry.revoke(revoked.entry.id).await.unwrap();
    world.up_to_date().await;
    assert_eq!(service.ask("GET /notes", revoked.secret.expose()).await.status, 401);
    assert_eq!(service.ask("GET /notes", kept.secret.expose()).await.status, 200);

    world.clock.advance(TimeDelta::days(1) - TimeDelta::seconds(1));
    assert_eq!(service.ask("GET /notes", kept.secret.expose()).await.status, 200);
    world.clock.advance(TimeDelta::seconds(1));
    let expired = service.ask("GET /notes", kept.secret.expose()).await;
    assert_eq!(expired.status, 401);
    assert!(expired.header("www-authenticate").unwrap().contains("has expired"), "{expired:?}");
}

/// Whoever has a key for trying creates the first one while the service runs, and expects that it
/// counts from then on.
#[tokio::test]
async fn the_first_key_makes_a_running_service_ask() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let authentication = Authentication::new().with_api_keys(world.keys.clone());
    let service = world.serve(authentication.clone()).await;
    let everywhere = "0.0.0.0:80".parse().unwrap();
    assert_eq!(service.send("GET /notes", &[]).await.status, 200);
    assert!(authentication.callers(everywhere).is_err());

    let key = world.key(&[Role::Reader]).await;
    world.up_to_date().await;
    assert_eq!(service.send("GET /notes", &[]).await.status, 401);
    assert_eq!(service.ask("GET /notes", key.secret.expose()).await.status, 200);
    assert!(authentication.callers(everywhere).is_ok());

    world.registry.revoke(key.entry.id).await.unwrap();
    world.up_to_date().await;
    assert_eq!(service.send("GET /notes", &[]).await.status, 401, "no key is not the same as none");
}

#[tokio::test]
async fn keys_are_listed_without_their_secrets() {
    let world = World::new().await;
    let new = |subject: &str| NewApiKey {
        subject: Subject::new(subject).unwrap(),
        roles: [Role::Operator].into_iter().collect(),
        expires_at: None,
    };
    let first = world.registry.create(new("first")).await.unwrap();
    world.clock.advance(TimeDelta::seconds(1));
    let second = world.registry.create(new("second")).await.unwrap();
    world.registry.revoke(first.entry.id).await.unwrap();
    let listed = world.registry.list().await.unwrap();
    assert_eq!((&listed[1], listed[0].subject.as_str()), (&second.entry, "first"));
    assert_eq!(listed[0].revoked_at, Some(world.now()));
    let shown = format!("{listed:?} {} {first:?}", serde_json::to_string(&listed).unwrap());
    for key in [first, second] {
        let (_, secret) = key.secret.expose().rsplit_once('_').unwrap();
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn keys_that_make_no_sense_are_not_created() {
    let world = World::new().await;
    let new = |roles: &[Role], expires_at| NewApiKey {
        subject: Subject::new("a").unwrap(),
        roles: roles.iter().copied().collect::<Roles>(),
        expires_at,
    };
    let created = world.registry.create(new(&[], None)).await;
    assert!(matches!(created, Err(ApiKeyError::NoRoles)));
    let created = world.registry.create(new(&[Role::Reader], Some(world.now()))).await;
    assert!(matches!(created, Err(ApiKeyError::ExpiresInThePast { .. })));
    let unknown: KeyId = "0123456789abcdef".parse().unwrap();
    let revoked = world.registry.revoke(unknown).await;
    assert!(matches!(revoked, Err(ApiKeyError::NotFound { id }) if id == unknown));
    assert_eq!(world.registry.list().await.unwrap(), []);
}

#[tokio::test]
async fn the_last_use_is_written_down_to_the_minute() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    let file = LastUsedFile::new(world.path("used.json"));
    let (stop, stopped) = oneshot::channel::<()>();
    let follower = keys.last_used(Arc::new(file.clone()));
    let running = tokio::spawn(follower.run(async { stopped.await.unwrap_or_default() }));
    let service = world.serve(world.authentication.clone()).await;
    let (used, unused) = (world.key(&[Role::Reader]).await, world.key(&[Role::Reader]).await);
    world.up_to_date().await;
    let first = world.now();
    service.ask("GET /notes", used.secret.expose()).await;
    world.clock.advance(TimeDelta::seconds(59));
    service.ask("GET /notes", used.secret.expose()).await;
    let wrong = unused.secret.expose().replace('_', "");
    service.ask("GET /notes", &wrong).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    let times = file.read().await.unwrap();
    assert_eq!(times.into_iter().collect::<Vec<_>>(), [(used.entry.id, first)]);
}
