//! Credentials, times routes, times roles.

use annals_http::auth::{Authentication, Role};

use super::credentials;
use super::service::{REQUESTS, World};

#[tokio::test]
async fn every_credential_opens_exactly_the_routes_of_its_roles() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let cases = credentials::all(&world).await;
    world.up_to_date().await;
    assert!(cases.len() * REQUESTS.len() >= 300, "only {} cases", cases.len());
    let service = world.serve(world.authentication.clone()).await;
    let mut written = 0;
    for case in &cases {
        for (request, status) in REQUESTS.into_iter().zip(case.statuses) {
            let answer = service.send(request, &case.lines).await;
            assert_eq!(answer.status, status, "{}: {request}: {answer:?}", case.name);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            let expected = match (status, case.problem) {
                (400, _) => "Bearer realm=\"annals\", error=\"invalid_request\"",
                (401, "unauthenticated") => "Bearer realm=\"annals\"",
                (401, _) => "Bearer realm=\"annals\", error=\"invalid_token\"",
                (403, _) => "Bearer realm=\"annals\", error=\"insufficient_scope\", scope=",
                _ => "",
            };
            assert!(challenge.starts_with(expected), "{}: {request}: {challenge}", case.name);
            assert_eq!(challenge.is_empty(), expected.is_empty(), "{}: {request}", case.name);
            if !expected.is_empty() {
                assert_eq!(answer.problem(), case.problem, "{}: {request}", case.name);
            }
            written += usize::from(status == 200 && request == "POST /notes");
            assert_eq!(service.written().await.len(), written, "{}: {request}", case.name);
        }
    }
}

#[tokio::test]
async fn who_is_authenticated_is_the_actor_whatever_the_request_says() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let service = world.serve(world.authentication.clone()).await;
    let key = world.key(&[Role::Teller]).await;
    world.up_to_date().await;
    let token = world.issuer.token("ES256", &world.claims(&[Role::Teller]));
    for credential in [key.secret.expose(), &token] {
        let claims = ["X-Actor: root", "Actor: root", "X-Forwarded-User: root", "From: root"];
        let mut lines: Vec<_> = claims.map(str::to_owned).into();
        lines.push(super::service::bearer(credential));
        assert_eq!(service.send("POST /notes?actor=root", &lines).await.status, 200);
    }
    let written = service.written().await;
    let actors: Vec<_> = written.iter().map(|it| it.actor.as_deref().unwrap()).collect();
    assert_eq!(actors, ["key holder", "token holder"]);
    let proofs: Vec<_> = written.iter().map(|it| &it.headers["authenticated_by"]).collect();
    assert_eq!(proofs[0], &format!("api_key {}", key.entry.id));
    assert_eq!(proofs[1], "jwt https://id.example/bank");
}

#[tokio::test]
async fn where_nobody_is_asked_everybody_may_do_everything_and_there_is_no_actor() {
    let world = World::new().await;
    let service = world.serve(Authentication::new()).await;
    for (request, status) in REQUESTS.into_iter().zip([200, 200, 200, 404]) {
        assert_eq!(service.send(request, &[]).await.status, status, "{request}");
    }
    assert_eq!(service.written().await[0].actor, None);
}

#[tokio::test]
async fn what_is_not_configured_is_not_accepted() {
    let mut world = World::new().await;
    let (keys, _) = world.followers();
    tokio::spawn(keys.run(std::future::pending()));
    let key = world.key(&Role::ALL).await;
    world.up_to_date().await;
    let token = world.issuer.token("ES256", &world.claims(&Role::ALL));
    let only_keys = world.serve(Authentication::new().with_api_keys(world.keys.clone())).await;
    let only_tokens = world.serve(Authentication::new().with_jwt(world.jwt.clone())).await;
    for (service, good, other) in
        [(only_keys, key.secret.expose(), &*token), (only_tokens, &token, key.secret.expose())]
    {
        assert_eq!(service.ask("GET /notes", good).await.status, 200);
        let refused = service.ask("GET /notes", other).await;
        assert_eq!((refused.status, &*refused.problem()), (401, "invalid_credentials"));
    }
}

#[tokio::test]
async fn routes_without_authentication_around_them_let_nobody_in() {
    use annals_http::auth;
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let whoever = |principal: auth::Principal| async move { format!("{principal:?}") };
    let routes = Router::new()
        .route("/role", get(|| async {}))
        .route_layer(from_fn_with_state(Role::Reader, auth::require))
        .route("/principal", get(whoever));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    for request in ["GET /role", "GET /principal"] {
        let answer = super::client::send(address, request, &[]).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "unauthenticated"), "{request}");
    }
}
