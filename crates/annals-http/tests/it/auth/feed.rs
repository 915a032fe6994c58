//! Who is told what happens, and for how long.

use annals_http::auth::Role;
use chrono::TimeDelta;

use super::service::{World, bearer};
use crate::client::Events;

/// A stream is one request: whoever was let in once was told everything for ever, although the key
/// was revoked or the token expired. Now they are looked at again.
#[tokio::test]
async fn whose_key_or_token_is_not_accepted_any_more_is_told_nothing_more() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let service = world.serve(world.authentication.clone()).await;
    let (kept, revoked) = (world.key(&Role::ALL).await, world.key(&[Role::Reader]).await);
    let expiring = world.issuer.token("ES256", &world.claims(&[Role::Reader]));
    world.up_to_date().await;
    let follow = async |credential: &str| {
        let line = bearer(credential);
        let header = line.split_once(": ").unwrap();
        Events::connect(service.address, "/events", &[header]).await.unwrap()
    };
    let mut of_kept = follow(kept.secret.expose()).await;
    let mut of_others = [follow(revoked.secret.expose()).await, follow(&expiring).await];
    service.ask("POST /notes", kept.secret.expose()).await;
    for events in [&mut of_kept].into_iter().chain(&mut of_others) {
        assert_eq!(events.next().await.unwrap().0, 1);
    }

    world.registry.revoke(revoked.entry.id).await.unwrap();
    world.clock.advance(TimeDelta::hours(2));
    world.up_to_date().await;
    service.ask("POST /notes", kept.secret.expose()).await;
    assert_eq!(of_kept.next().await.unwrap().0, 2);
    for events in &mut of_others {
        assert_eq!(events.next().await, None);
    }
}
