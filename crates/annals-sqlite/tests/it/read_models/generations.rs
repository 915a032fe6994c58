//! Generations and their files.

use std::future::Future;
use std::sync::Arc;

use annals_core::{
    ApplyError, DeadLetters, GenerationState, Generations, Hosts, IfBehind, ReadModelsError,
    WorkerId,
};

use super::scene::{Balances, Scene, at, sums};

#[tokio::test]
async fn files_come_and_go_with_their_generations() {
    let scene = Scene::new();
    let (first, second) = (scene.serving().await[0].generation.clone(), scene.create().await.key);
    assert!(scene.file(&first).exists() && scene.file(&second).exists());
    let refused = scene.models.retire(&first).await;
    assert!(matches!(refused, Err(ReadModelsError::Refused { .. })), "{refused:?}");
    scene.models.retire(&second).await.unwrap();
    let names: Vec<_> = std::fs::read_dir(scene.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("balances-2"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
    assert_eq!(scene.create().await.key.number, 3, "a number is never given twice");
}

#[tokio::test]
async fn retired_generation_cannot_be_written_by_who_had_it_open() {
    let scene = Scene::new();
    scene.serving().await;
    let second = scene.create().await.key;
    let mut leases = scene.claim(&second, WorkerId::new()).await;
    scene.apply(&mut leases, sums(&[("ann", 1)]), at(1)).await.unwrap();
    scene.open_again().retire(&second).await.unwrap();
    let refused = scene.apply(&mut leases, sums(&[("ann", 1)]), at(2)).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    let refused = scene.try_claim(&second, WorkerId::new()).await;
    assert!(matches!(refused, Err(ReadModelsError::NotFound { .. })), "{refused:?}");
}

/// Whoever is reading when the file goes reads on; whoever comes next reads the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_of_a_generation_that_is_retired_meanwhile_reads_on() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    scene.apply(&mut leases, sums(&[("ann", 5)]), at(1)).await.unwrap();
    let second = scene.create().await.key;
    let mut newer = scene.claim(&second, WorkerId::new()).await;
    scene.apply(&mut newer, sums(&[("ann", 6)]), at(1)).await.unwrap();

    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let reading = scene.models.read("balances", move |tables| {
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        Ok(super::scene::balances(tables)?)
    });
    let other = async {
        has_begun.await.unwrap();
        scene.models.switch(&second, IfBehind::Refuse).await.unwrap();
        scene.models.retire(&leases[0].generation).await.unwrap();
        assert_eq!(scene.seen().await.0["ann"], 6);
        go_on.send(()).unwrap();
    };
    let (seen, ()) = tokio::join!(reading, other);
    let seen = seen.unwrap();
    assert_eq!((seen.value["ann"], seen.generation.number), (5, 1));
}

#[tokio::test]
async fn switch_to_a_generation_that_is_behind_is_refused_until_it_has_caught_up() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    scene.apply(&mut leases, sums(&[("ann", 5)]), at(3)).await.unwrap();
    let second = scene.create().await.key;
    let mut newer = scene.claim(&second, WorkerId::new()).await;
    scene.apply(&mut newer, sums(&[("ann", 4)]), at(2)).await.unwrap();
    let refused = scene.models.switch(&second, IfBehind::Refuse).await;
    assert!(matches!(refused, Err(ReadModelsError::Moved { .. })), "{refused:?}");
    scene.apply(&mut newer, sums(&[("ann", 1)]), at(3)).await.unwrap();
    scene.models.switch(&second, IfBehind::Refuse).await.unwrap();
    let states: Vec<_> =
        scene.models.generations().await.unwrap().into_iter().map(|build| build.state).collect();
    assert_eq!(states, [GenerationState::Retained, GenerationState::Serving]);
}

/// A generation that serves cannot be retired, so one that cannot be read must make way.
#[tokio::test]
async fn lost_file_of_the_serving_generation_is_switched_away_from() {
    let scene = Scene::new();
    let first = scene.serving().await[0].generation.clone();
    let second = scene.create().await.key;
    let models = scene.open_again();
    std::fs::remove_file(scene.file(&first)).unwrap();
    let refused = models.serving("balances").await;
    let Err(ReadModelsError::Refused { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("balances-1.db is missing"), "{reason}");
    models.switch(&second, IfBehind::Refuse).await.unwrap();
    models.retire(&first).await.unwrap();
    assert_eq!(models.serving("balances").await.unwrap().unwrap().key, second);
}

#[tokio::test]
async fn finish_makes_indexes_and_may_be_asked_again() {
    let scene = Scene::new();
    let key = scene.serving().await[0].generation.clone();
    for _ in 0..2 {
        scene.models.finish(Arc::new(Balances), &key).await.unwrap();
    }
    let found = scene.models.read("balances", |tables| {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'balance_cents'";
        Ok(tables.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(found.await.unwrap().value, 1);
}

#[tokio::test]
async fn query_cannot_write() {
    let scene = Scene::new();
    scene.serving().await;
    let written = scene.models.read("balances", |tables| {
        Ok(tables.execute("INSERT INTO balance (account, cents) VALUES ('eve', 1)", [])?)
    });
    let refused = written.await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(scene.seen().await, ([].into(), 0));
}

#[tokio::test]
async fn query_that_panics_leaves_the_readers_alive() {
    let scene = Scene::new();
    scene.serving().await;
    for _ in 0..10 {
        let panicked = scene.models.read::<()>("balances", |_| panic!("a query has a fault")).await;
        assert!(matches!(panicked, Err(ReadModelsError::Refused { .. })), "{panicked:?}");
    }
    assert_eq!(scene.seen().await, ([].into(), 0));
}

/// What the runner asks does not stand in line behind queries: leases would run out.
#[tokio::test]
async fn queries_that_take_their_time_hold_up_neither_leases_nor_waiting() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let key = leases[0].generation.clone();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let slow = (0..annals_sqlite::READERS_DEFAULT * 2).map(|_| {
        let released = Arc::clone(&released);
        scene.models.read("balances", move |_| Ok(released.lock().unwrap().recv()?))
    });
    let mut slow: Vec<_> = slow.map(Box::pin).collect();
    for query in &mut slow {
        let queued = std::future::poll_fn(|context| {
            let _ = query.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        queued.await;
    }
    assert_eq!(scene.claim(&key, leases[0].worker).await.len(), 4);
    scene.apply(&mut leases, sums(&[("ann", 1)]), at(1)).await.unwrap();
    let serving = scene.models.serving("balances").await.unwrap().unwrap();
    assert_eq!(serving.position, at(1).position);
    let letters = scene.models.blocked_streams(&key, vec![leases[0].partition]).await.unwrap();
    assert_eq!(letters, []);
    slow.iter().for_each(|_| release.send(()).unwrap());
    for query in slow {
        query.await.unwrap();
    }
}

/// A process ended between striking a generation out and closing its file for writing.
#[tokio::test]
async fn half_retired_generation_is_written_no_more_once_the_folder_is_opened() {
    let scene = Scene::new();
    scene.serving().await;
    let second = scene.create().await.key;
    let mut leases = scene.claim(&second, WorkerId::new()).await;
    scene.apply(&mut leases, sums(&[("ann", 1)]), at(1)).await.unwrap();
    let catalog = annals_sqlite::rusqlite::Connection::open(scene.folder().join("catalog.db"));
    catalog.unwrap().execute_batch("DELETE FROM generation WHERE number = 2").unwrap();
    drop(scene.open_again());
    assert!(!scene.file(&second).exists());
    let refused = scene.apply(&mut leases, sums(&[("ann", 1)]), at(2)).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    let refused = scene.try_claim(&second, leases[0].worker).await;
    assert!(matches!(refused, Err(ReadModelsError::NotFound { .. })), "{refused:?}");
}
