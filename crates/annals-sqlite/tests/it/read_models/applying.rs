//! Changes and checkpoints in one transaction.

use std::sync::Arc;

use annals_core::{ApplyError, Generations, Hosts, WorkerId};
use annals_sqlite::rusqlite::{self, Connection};

use super::scene::{Balances, Scene, TTL, Trouble, advance, at, sums, troubled};

#[tokio::test]
async fn changes_and_checkpoint_are_seen_together() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    scene.apply(&mut leases, sums(&[("ann", 5), ("bob", 7)]), at(2)).await.unwrap();
    scene.apply(&mut leases, sums(&[("ann", 1)]), at(3)).await.unwrap();
    let (balances, position) = scene.seen().await;
    assert_eq!(balances.into_iter().collect::<Vec<_>>(), [("ann".into(), 6), ("bob".into(), 7)]);
    assert_eq!(position, 3);
}

/// Each of these says no, or makes it impossible to know what was written, after rows were written.
#[tokio::test]
async fn projection_at_fault_changes_nothing_and_can_go_on() {
    for trouble in [Trouble::Error, Trouble::Panic, Trouble::Statement, Trouble::Rollback] {
        let scene = Scene::new();
        let mut leases = scene.serving().await;
        scene.apply(&mut leases, sums(&[("ann", 5)]), at(1)).await.unwrap();
        let refused = scene.apply(&mut leases, troubled(trouble), at(2)).await;
        assert!(matches!(refused, Err(ApplyError::Rejected { .. })), "{trouble:?}: {refused:?}");
        assert_eq!(scene.seen().await, ([("ann".to_owned(), 5)].into(), 1), "{trouble:?}");
        scene.apply(&mut leases, sums(&[("ann", 2)]), at(2)).await.unwrap();
        assert_eq!(scene.seen().await, ([("ann".to_owned(), 7)].into(), 2), "{trouble:?}");
    }
}

/// A projection that commits on its own cannot be undone any more. The checkpoint was moved before
/// it wrote, so at least its rows are not written twice.
#[tokio::test]
async fn rows_that_the_projection_commits_itself_are_not_written_twice() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let refused = scene.apply(&mut leases, troubled(Trouble::Commit), at(1)).await;
    assert!(matches!(refused, Err(ApplyError::Rejected { .. })), "{refused:?}");
    let again = scene.apply(&mut leases, troubled(Trouble::None), at(1)).await;
    assert!(matches!(again, Err(ApplyError::Fenced)), "{again:?}");
    assert_eq!(scene.seen().await, ([("ann".to_owned(), 1)].into(), 1));
}

#[tokio::test]
async fn constraint_rejects_and_busy_file_does_not() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let refused = scene.apply(&mut leases, sums(&[("ann", -1)]), at(1)).await;
    assert!(matches!(refused, Err(ApplyError::Rejected { .. })), "{refused:?}");

    let operator = Connection::open(scene.file(&leases[0].generation)).unwrap();
    operator.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = scene.apply(&mut leases, sums(&[("ann", 1)]), at(1)).await;
    assert!(matches!(refused, Err(ApplyError::Unavailable { .. })), "{refused:?}");
    operator.execute_batch("ROLLBACK").unwrap();
    scene.apply(&mut leases, sums(&[("ann", 1)]), at(1)).await.unwrap();
}

/// Other than the one that a worker was told, a checkpoint would be moved from where it is not.
#[tokio::test]
async fn checkpoint_moves_only_from_where_it_is_and_never_back() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let stale = leases.clone();
    scene.apply(&mut leases, sums(&[("ann", 5)]), at(5)).await.unwrap();
    let mut other_event = leases.clone();
    other_event[2].checkpoint.event_id = at(4).event_id;
    for (mut leases, to) in [(stale, 6), (other_event, 6), (leases.clone(), 4)] {
        let refused = scene.apply(&mut leases, sums(&[("ann", 1)]), at(to)).await;
        assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    }
    assert_eq!(scene.seen().await, ([("ann".to_owned(), 5)].into(), 5));
}

#[tokio::test]
async fn former_owner_cannot_write_from_any_handle() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let key = leases[0].generation.clone();
    scene.pass(TTL);
    let refused = scene.apply(&mut leases, sums(&[("ann", 1)]), at(1)).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "its time is over: {refused:?}");

    let taken = scene.claim(&key, WorkerId::new()).await;
    assert_eq!(taken.len(), 4);
    for models in [&scene.models, &scene.open_again()] {
        let (balances, sums) = (Arc::new(Balances), Arc::new(sums(&[("ann", 1)])));
        let refused = models.apply(balances, sums, advance(&leases, at(1))).await;
        assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    }
    assert_eq!(scene.seen().await, ([].into(), 0));
}

#[tokio::test]
async fn writing_extends_the_lease() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let key = leases[0].generation.clone();
    for position in 1..=5 {
        scene.pass(TTL * 2 / 3);
        scene.apply(&mut leases, sums(&[("ann", 1)]), at(position)).await.unwrap();
        let status = scene.models.status(&key).await.unwrap();
        assert!(status.partitions.iter().all(|share| share.worker == Some(leases[0].worker)));
    }
    assert_eq!(scene.claim(&key, WorkerId::new()).await, [], "the first worker still counts");
}

/// The fencing test goes red without the condition it is about.
#[tokio::test]
async fn statement_without_its_fencing_token_would_be_noticed() {
    let scene = Scene::new();
    let leases = scene.serving().await;
    scene.pass(TTL);
    scene.claim(&leases[0].generation, WorkerId::new()).await;
    let file = Connection::open(scene.file(&leases[0].generation)).unwrap();
    let sql = include_str!("../../../src/sql/read_models/partition_advance.sql");
    let unfenced = sql
        .replace("fencing_token = ?2", "?2 > 0")
        .replace("worker = ?3 AND leased_until > ?9", "?3 IS NOT NULL");
    assert_ne!(sql, unfenced);
    let lease = &leases[0];
    let columns = rusqlite::params![
        lease.partition.get(),
        i64::try_from(lease.fencing_token).unwrap(),
        lease.worker.as_uuid().as_bytes(),
        0,
        None::<[u8; 16]>,
        1,
        None::<[u8; 16]>,
        1,
        0
    ];
    assert_eq!(file.execute(sql, columns), Ok(0));
    assert_eq!(file.execute(&unfenced, columns), Ok(1), "only the condition kept it out");
}
