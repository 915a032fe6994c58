//! Rows and checkpoints move together, once.

use annals_core::{
    Advance, ApplyError, BoxError, DeadLetterId, EventType, Generations, Hosts, Lease, Leases,
    Position, QueuedEvent, WorkerId,
};
use sqlx::postgres::PgConnection;

use crate::accounts::{
    AccountEvent, Amounts, Balances, Eight, One, amounts, apply, at, balances, begin, claim, leased,
};
use crate::database::{Database, execute};

#[tokio::test]
async fn rows_and_checkpoint_move_in_one_step() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let (first, second) = (at(3), at(7));
    let lease = apply(&read_models, &lease, amounts([("a", 5), ("b", 1)]), first).await.unwrap();
    apply(&read_models, &lease, amounts([("a", 2)]), second).await.unwrap();
    let rows = balances(&mut database.connect().await, &key).await;
    assert_eq!(rows, [("a".to_owned(), 7), ("b".to_owned(), 1)]);
    let status = read_models.status(&key).await.unwrap();
    let partition = &status.partitions[0];
    assert_eq!((partition.checkpoint, partition.applied), (second, 2));
    assert!(partition.moved_at.is_some());
}

#[tokio::test]
async fn a_batch_that_was_applied_is_not_applied_again() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    apply(&read_models, &lease, amounts([("a", 5)]), at(3)).await.unwrap();
    // The same lease once more: it names the checkpoint from before.
    let again = apply(&read_models, &lease, amounts([("a", 5)]), at(3)).await;
    assert!(matches!(again, Err(ApplyError::Fenced)), "{again:?}");
    assert_eq!(balances(&mut database.connect().await, &key).await, [("a".to_owned(), 5)]);
}

#[tokio::test]
async fn another_event_at_the_same_position_is_another_checkpoint() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (_, lease) = leased(&read_models).await;
    let moved = apply(&read_models, &lease, amounts([]), at(3)).await.unwrap();
    let other = Lease { checkpoint: at(3), ..moved };
    let refused = apply(&read_models, &other, amounts([("a", 1)]), at(4)).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
}

#[tokio::test]
async fn a_former_owner_cannot_write_after_the_partition_changed_hands() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, paused) = leased(&read_models).await;
    let mut own = database.connect().await;
    execute(&mut own, "UPDATE annals_read.partition SET leased_until = clock_timestamp()").await;
    execute(&mut own, "DELETE FROM annals_read.worker").await;
    let taken = claim(&read_models, &key, WorkerId::new()).await;
    assert_eq!(taken.len(), 1);
    assert!(taken[0].fencing_token > paused.fencing_token);
    let refused = apply(&read_models, &paused, amounts([("a", 5)]), at(3)).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    apply(&read_models, &taken[0], amounts([("a", 1)]), at(3)).await.unwrap();
    assert_eq!(balances(&mut own, &key).await, [("a".to_owned(), 1)]);
}

#[tokio::test]
async fn a_lease_from_before_the_partition_was_somebody_elses_is_not_good_again() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, former) = leased(&read_models).await;
    read_models.release(&key, former.worker).await.unwrap();
    let other = WorkerId::new();
    assert_eq!(claim(&read_models, &key, other).await.len(), 1);
    read_models.release(&key, other).await.unwrap();
    let again = claim(&read_models, &key, former.worker).await;
    let refused = apply(&read_models, &former, amounts([("a", 5)]), at(3)).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    apply(&read_models, &again[0], amounts([("a", 1)]), at(3)).await.unwrap();
}

#[tokio::test]
async fn a_lease_that_is_over_is_good_until_somebody_else_has_the_partition() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let mut own = database.connect().await;
    execute(&mut own, "UPDATE annals_read.partition SET leased_until = '-infinity'").await;
    let status = read_models.status(&key).await.unwrap();
    assert_eq!(status.partitions[0].worker, None);
    apply(&read_models, &lease, amounts([("a", 5)]), at(3)).await.unwrap();
    // The work has renewed it.
    let status = read_models.status(&key).await.unwrap();
    assert_eq!(status.partitions[0].worker, Some(lease.worker));
}

#[tokio::test]
async fn all_partitions_of_a_batch_move_or_none() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let key = begin(&read_models, Balances::<Eight>::new()).await.key;
    let worker = WorkerId::new();
    let leases = claim(&read_models, &key, worker).await;
    assert_eq!(leases.len(), 8);
    // For each partition: its lease alone has become wrong.
    for wrong in 0..8 {
        let mut leases = leases.clone();
        leases[wrong].fencing_token += 1;
        let advance = Advance { leases, to: at(9), applied: vec![1; 8], queued: Vec::new() };
        let refused =
            read_models.apply(Balances::<Eight>::new(), amounts([("a", 1)]), advance).await;
        assert!(matches!(refused, Err(ApplyError::Fenced)), "{wrong}: {refused:?}");
    }
    let status = read_models.status(&key).await.unwrap();
    assert!(status.partitions.iter().all(|p| p.checkpoint.position == Position::ZERO));
    assert_eq!(balances(&mut database.connect().await, &key).await, []);
    let advance = Advance { leases, to: at(9), applied: vec![1; 8], queued: Vec::new() };
    read_models.apply(Balances::<Eight>::new(), amounts([("a", 1)]), advance).await.unwrap();
    let status = read_models.status(&key).await.unwrap();
    assert!(status.partitions.iter().all(|p| p.checkpoint.position.get() == 9 && p.applied == 1));
}

#[tokio::test]
async fn rows_that_a_constraint_refuses_leave_no_trace() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let refused = apply(&read_models, &lease, amounts([("a", 5), ("b", -1)]), at(3)).await;
    assert!(matches!(refused, Err(ApplyError::Rejected { .. })), "{refused:?}");
    assert_eq!(balances(&mut database.connect().await, &key).await, []);
    apply(&read_models, &lease, amounts([("a", 5)]), at(3)).await.unwrap();
}

#[tokio::test]
async fn an_event_queued_behind_a_letter_that_is_gone_is_not_lost_silently() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let letter = DeadLetterId::new();
    let event_type = EventType::new("money_deposited").unwrap();
    let queued = vec![QueuedEvent { letter, position: at(2).position, event_type }];
    let advance = Advance { leases: vec![lease], to: at(3), applied: vec![1], queued };
    let refused = read_models.apply(Balances::<One>::new(), amounts([("a", 1)]), advance).await;
    assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?}");
    assert_eq!(balances(&mut database.connect().await, &key).await, []);
}

/// A projection whose code does what it should not.
#[derive(Debug)]
struct Careless(Mistake);

#[derive(Debug, Clone, Copy)]
enum Mistake {
    /// Goes on after a statement that failed.
    HidesError,
    /// Uses a table that is not in its schema, but in `public`.
    WrongTable,
    /// Says what is wrong in its own words.
    OwnError,
}

impl annals_core::Projection for Careless {
    const NAME: &'static str = "balances";
    const VERSION: u32 = 1;
    type Event = AccountEvent;
    type Changes = Amounts;

    fn project(
        &self,
        _event: annals_core::EventEnvelope<AccountEvent>,
        _changes: &mut Amounts,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

impl annals_sqlx::PostgresProjection for Careless {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        let _ = sqlx::raw_sql("CREATE TABLE balance (no such type)").execute(tables).await;
        Ok(())
    }

    async fn write(&self, tables: &mut PgConnection, _changes: &Amounts) -> Result<(), BoxError> {
        match self.0 {
            Mistake::HidesError => {
                let _ = sqlx::query("SELECT 1 / 0").execute(tables).await;
                Ok(())
            }
            Mistake::WrongTable => {
                sqlx::query("INSERT INTO elsewhere VALUES (1)").execute(tables).await?;
                Ok(())
            }
            Mistake::OwnError => Err("the amount is in another currency".into()),
        }
    }
}

#[tokio::test]
async fn mistakes_of_the_users_code_are_rejected_and_move_nothing() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let mut own = database.connect().await;
    execute(&mut own, "CREATE TABLE public.elsewhere (id integer)").await;
    for mistake in [Mistake::HidesError, Mistake::WrongTable, Mistake::OwnError] {
        let leases = vec![lease.clone()];
        let advance = Advance { leases, to: at(3), applied: vec![1], queued: Vec::new() };
        let refused = read_models.apply(Careless(mistake).into(), amounts([]), advance).await;
        assert!(matches!(refused, Err(ApplyError::Rejected { .. })), "{mistake:?}: {refused:?}");
        let status = read_models.status(&key).await.unwrap();
        assert_eq!(status.partitions[0].checkpoint.position, Position::ZERO, "{mistake:?}");
    }
    read_models.release(&key, lease.worker).await.unwrap();
}

#[tokio::test]
async fn tables_that_cannot_be_made_leave_no_generation_even_if_the_error_was_hidden() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let new = annals_core::NewGeneration { log_id: annals_core::LogId::new() };
    let refused = read_models.create(Careless(Mistake::HidesError).into(), new).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, annals_core::ReadModelsError::Refused { .. }), "{refused:?}");
    assert_eq!(read_models.generations().await.unwrap(), []);
}
