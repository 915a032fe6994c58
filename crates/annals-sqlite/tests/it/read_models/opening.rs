//! Folders and files that are not what they should be.

use std::fs;
use std::path::Path;

use annals_core::{
    ApplyError, Claim, GenerationKey, Generations, Lease, Leases, ReadModelsError, WorkerId,
    WorkerReport,
};
use annals_sqlite::rusqlite::Connection;
use annals_sqlite::{OpenReadModelsError, SqliteReadModels};
use tempfile::TempDir;

use super::scene::{Scene, TTL, at, sums};

fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn something_else_in_the_place_of_the_catalog_is_refused_and_untouched() {
    let folder = TempDir::new().unwrap();
    let catalog = folder.path().join("catalog.db");
    let other = folder.path().join("other.db");
    execute(&other, "CREATE TABLE theirs (a INTEGER); INSERT INTO theirs VALUES (1)");
    for content in
        [b"not a database, but longer than a header".repeat(50), fs::read(other).unwrap()]
    {
        fs::write(&catalog, &content).unwrap();
        let refused = SqliteReadModels::open(folder.path());
        assert!(matches!(refused, Err(OpenReadModelsError::NotReadModels { .. })), "{refused:?}");
        assert_eq!(fs::read(&catalog).unwrap(), content);
        assert!(!folder.path().join("catalog.db-wal").exists());
    }
}

#[test]
fn catalog_of_a_newer_release_is_refused() {
    let folder = TempDir::new().unwrap();
    drop(SqliteReadModels::open(folder.path()).unwrap());
    execute(&folder.path().join("catalog.db"), "PRAGMA user_version = 2");
    let refused = SqliteReadModels::open(folder.path());
    let Err(OpenReadModelsError::Newer { found: 2, known: 1, .. }) = refused else {
        panic!("{refused:?}")
    };
}

#[test]
fn damaged_catalog_is_refused() {
    let folder = TempDir::new().unwrap();
    drop(SqliteReadModels::open(folder.path()).unwrap());
    let path = folder.path().join("catalog.db");
    let mut content = fs::read(&path).unwrap();
    content[4096..4096 + 8].fill(0xff);
    fs::write(&path, content).unwrap();
    let refused = SqliteReadModels::open(folder.path());
    assert!(matches!(refused, Err(OpenReadModelsError::Damaged { .. })), "{refused:?}");
}

/// An empty file is what a process leaves behind that was killed while it made the catalog.
#[test]
fn catalog_that_was_begun_is_made() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("catalog.db"), b"").unwrap();
    SqliteReadModels::open(folder.path()).unwrap();
}

#[test]
fn many_that_open_a_new_folder_at_once_all_succeed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("read");
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| SqliteReadModels::open(&path))).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[tokio::test]
async fn file_of_a_generation_that_is_not_what_it_should_be_is_refused_with_what_to_do() {
    let damage = |path: &Path| {
        let mut content = fs::read(path).unwrap();
        content[100..200].fill(0xff);
        fs::write(path, content).unwrap();
    };
    type Spoil<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Spoil<'_>); 5] = [
        ("is not the file of this generation", &|path| fs::write(path, b"x".repeat(5000)).unwrap()),
        ("is not the file of this generation", &|path| {
            execute(path, "UPDATE annals_generation SET number = 7");
        }),
        ("has format 2", &|path| execute(path, "PRAGMA user_version = 2")),
        ("is missing", &|path| fs::remove_file(path).unwrap()),
        ("is damaged", &damage),
    ];
    for (expected, spoil) in cases {
        let scene = Scene::new();
        let key = scene.serving().await[0].generation.clone();
        // Read by a handle that has not opened the file yet.
        let other = scene.open_again();
        spoil(&scene.file(&key));
        let refused = other.serving("balances").await;
        let Err(ReadModelsError::Refused { reason }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(other.generations().await.unwrap().len(), 1, "the catalog tells of it");
    }
}

/// What a process leaves behind that was killed between two steps, and files of others beside it.
#[tokio::test]
async fn leftovers_are_removed_and_nothing_else_is() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    scene.apply(&mut leases, sums(&[("ann", 5)]), at(1)).await.unwrap();
    let leftovers = ["balances-9.db", "balances-9.db-wal", "other-1.db-shm", "other-2.db-journal"];
    let theirs = ["notes.txt", "balances.db", "balances-09.db", "balances-1.db.bak", "Bank-1.db"];
    for name in leftovers.into_iter().chain(theirs) {
        fs::write(scene.folder().join(name), b"x").unwrap();
    }
    let again = scene.open_again();
    for name in leftovers {
        assert!(!scene.folder().join(name).exists(), "{name}");
    }
    for name in theirs {
        assert!(scene.folder().join(name).exists(), "{name}");
    }
    drop(again);
    assert_eq!(scene.seen().await, ([("ann".to_owned(), 5)].into(), 1));
}

/// Whoever had the work is known to have ended. If he has not, he finds out before he writes.
#[tokio::test]
async fn whoever_takes_over_has_the_work_at_once_and_who_had_it_writes_no_more() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    scene.apply(&mut leases, sums(&[("ann", 5)]), at(1)).await.unwrap();
    let generation = leases[0].generation.clone();
    let options = || SqliteReadModels::options().clock(scene.clock.clone());
    let beside = options().open(scene.folder()).unwrap();
    assert!(claimed(&beside, &generation).await.is_empty(), "the leases have not run out");
    let successor = options().taking_over().open(scene.folder()).unwrap();
    let taken = claimed(&successor, &generation).await;
    assert_eq!(taken.len(), leases.len());
    assert!(taken.iter().all(|lease| lease.checkpoint == at(1)));
    let fenced = scene.apply(&mut leases, sums(&[("ann", 1)]), at(2)).await;
    assert!(matches!(fenced, Err(ApplyError::Fenced)), "{fenced:?}");
    assert_eq!(scene.seen().await.0["ann"], 5);
}

async fn claimed(models: &SqliteReadModels, generation: &GenerationKey) -> Vec<Lease> {
    let (generation, worker) = (generation.clone(), WorkerId::new());
    let claim = Claim { generation, worker, ttl: TTL, report: WorkerReport::default() };
    models.claim(claim).await.unwrap()
}
