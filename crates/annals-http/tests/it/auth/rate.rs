//! Too many requests.

use std::num::NonZeroU32;

use annals_http::auth::{Authentication, RateLimit, Role};

use super::service::World;

fn limit(per_second: u32, burst: u32) -> RateLimit {
    let number = |number| NonZeroU32::new(number).unwrap();
    RateLimit { per_second: number(per_second), burst: number(burst) }
}

/// On a slow machine a second may pass between two requests, so it is asked until there are two
/// within one.
#[tokio::test]
async fn who_sends_too_many_requests_waits_and_others_do_not() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let per_hour = limit(1, 3_600);
    let authentication = world.authentication.clone().with_rate_limit(per_hour);
    let service = world.serve(authentication).await;
    let key = world.key(&[Role::Reader]).await;
    world.up_to_date().await;
    let answer = service.ask("GET /notes", key.secret.expose()).await;
    assert_eq!(answer.header("ratelimit-policy"), Some("\"principal\";q=3600;w=3600"));
    assert_eq!(answer.header("ratelimit"), Some("\"principal\";r=3599;t=1"));

    let short = world.serve(world.authentication.clone().with_rate_limit(limit(1, 1))).await;
    let mut answers = Vec::new();
    while answers.last() != Some(&429) && answers.len() < 1_000 {
        answers.push(short.ask("POST /admin", key.secret.expose()).await.status);
    }
    assert_eq!((answers.first(), answers.last()), (Some(&403), Some(&429)));
    let exceeded = loop {
        let answer = short.ask("POST /admin", key.secret.expose()).await;
        if answer.status == 429 {
            break answer;
        }
    };
    assert_eq!(exceeded.problem(), "too_many_requests");
    assert_eq!(exceeded.header("retry-after"), Some("1"));
    assert_eq!(exceeded.header("ratelimit"), Some("\"principal\";r=0;t=1"));
    let token = world.issuer.token("ES256", &world.claims(&[Role::Reader]));
    assert_eq!(short.ask("GET /notes", &token).await.status, 200);
}

#[tokio::test]
async fn requests_of_nobody_in_particular_are_not_counted() {
    let world = World::new().await;
    let service = world.serve(Authentication::new().with_rate_limit(limit(1, 1))).await;
    for _ in 0..10 {
        let answer = service.send("GET /notes", &[]).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
    }
}
