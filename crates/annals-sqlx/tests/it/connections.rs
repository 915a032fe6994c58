//! How connections are shared.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{Advance, Generations, Hosts, IfBehind, Leases, ReadModelsError, WorkerId};
use annals_sqlx::PostgresReadModels;
use sqlx::postgres::PgConnection;

use crate::accounts::{Balances, Kind, amounts, apply, at, begin, claim, leased};
use crate::database::{Database, execute};

#[tokio::test]
async fn queries_that_take_all_connections_do_not_stop_workers() {
    let database = Database::create().await;
    let options = database.options().connections_max(4).acquire_timeout(Duration::from_millis(100));
    let read_models = PostgresReadModels::open(options).await.unwrap();
    let (key, lease) = leased(&read_models).await;
    read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    let open = read_models.read("balances").await.unwrap();
    let refused = read_models.read("balances").await;
    assert!(matches!(refused, Err(ReadModelsError::Unavailable { .. })), "{refused:?}");
    let lease = apply(&read_models, &lease, amounts([("a", 1)]), at(1)).await.unwrap();
    assert_eq!(claim(&read_models, &key, lease.worker).await.len(), 1);
    read_models.status(&key).await.unwrap();
    drop(open);
    read_models.read("balances").await.unwrap();
}

#[tokio::test]
async fn the_number_of_projections_does_not_raise_that_of_connections() {
    struct Named<const N: usize>;
    impl<const N: usize> Kind for Named<N> {
        const NAME: &'static str = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"][N];
    }
    async fn work<const N: usize>(read_models: PostgresReadModels) {
        let projection = Balances::<Named<N>>::new();
        let key = begin(&read_models, Arc::clone(&projection)).await.key;
        for position in 1..=5 {
            let leases = claim(&read_models, &key, WorkerId::new()).await;
            for lease in &leases {
                let leases = vec![lease.clone()];
                let to = at(position);
                let advance = Advance { leases, to, applied: vec![1], queued: Vec::new() };
                read_models
                    .apply(Arc::clone(&projection), amounts([("a", 1)]), advance)
                    .await
                    .unwrap();
                read_models.release(&key, lease.worker).await.unwrap();
            }
            read_models.serving(&key.projection).await.unwrap();
        }
    }
    let database = Database::create().await;
    let read_models = database.open().await;
    let work = tokio::spawn({
        let read_models = read_models.clone();
        async move {
            tokio::join!(
                work::<0>(read_models.clone()),
                work::<1>(read_models.clone()),
                work::<2>(read_models.clone()),
                work::<3>(read_models.clone()),
                work::<4>(read_models.clone()),
                work::<5>(read_models.clone()),
                work::<6>(read_models.clone()),
                work::<7>(read_models),
            );
        }
    });
    let mut own = database.connect().await;
    let mut most = 0;
    while !work.is_finished() {
        most = most.max(count_sessions(&mut own).await);
    }
    work.await.unwrap();
    assert!((1..=8).contains(&most), "{most}");
}

async fn count_sessions(own: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_one(own)
    .await
    .expect("sessions can be counted")
}

#[tokio::test]
async fn sessions_that_the_server_has_ended_are_replaced() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let mut own = database.connect().await;
    execute(
        &mut own,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    // Each of those there were says so once at most.
    let mut refused = 0;
    while let Err(error) = apply(&read_models, &lease, amounts([("a", 1)]), at(1)).await {
        assert!(matches!(error, annals_core::ApplyError::Unavailable { .. }), "{error:?}");
        refused += 1;
        assert!(refused <= 4, "{error:?}");
    }
    assert_eq!(claim(&read_models, &key, lease.worker).await.len(), 1);
}
