//! What somebody has done to the events by going around the store and its triggers.

use annals_core::{AppendCondition, EventStore, Read, ReadError, Sequence};
use annals_postgres::PostgresStore;

use crate::database::{Database, execute};
use crate::hostile::block_on;
use crate::load::{append, event, stream};

/// Three events of one stream, and one of another between the second and the third.
async fn log_after(damage: &str) -> (Database, PostgresStore) {
    let database = Database::with_log().await;
    let store = PostgresStore::open(database.application_options()).await;
    let store = store.expect("the log can be opened");
    for name in ["one", "one", "two", "one"] {
        let write = append(vec![event(name, "1")], AppendCondition::default(), None);
        let _ = store.append(write).await.expect("it can be written");
    }
    let owner = database.owner().await;
    execute(&owner, "ALTER TABLE annals.event DISABLE TRIGGER stays").await;
    execute(&owner, damage).await;
    (database, store)
}

/// Where a read says that the log is damaged, if it does.
async fn damaged_at(store: &PostgresStore, read: Read) -> Option<u64> {
    match store.read(read).await {
        Ok(_) => None,
        Err(ReadError::Corrupt { position, .. }) => Some(position.get()),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn values_that_no_event_has_are_damage_and_not_a_panic() {
    block_on(async {
        for damage in [
            "UPDATE annals.event SET timestamp = 'infinity' WHERE position = 2",
            "UPDATE annals.event SET timestamp = '294000-01-01' WHERE position = 2",
            "UPDATE annals.event SET event_version = -1 WHERE position = 2",
            "UPDATE annals.event SET tags = ARRAY[NULL] WHERE position = 2",
            "UPDATE annals.event SET tags = '{{a:1},{b:2}}' WHERE position = 2",
        ] {
            let (_database, store) = log_after(damage).await;
            assert_eq!(damaged_at(&store, Read::all()).await, Some(2), "{damage}");
            // The next reader gets a session in good order, and the same answer.
            let one = Read::stream(stream("one"), Sequence::ZERO);
            assert_eq!(damaged_at(&store, one).await, Some(2), "{damage}");
            assert_eq!(damaged_at(&store, Read::all().limit(1)).await, None, "{damage}");
        }
    });
}

#[test]
fn event_that_is_gone_or_misplaced_is_not_passed_over() {
    block_on(async {
        let one = || Read::stream(stream("one"), Sequence::ZERO);
        let (_database, store) = log_after("DELETE FROM annals.event WHERE position = 2").await;
        assert_eq!(damaged_at(&store, Read::all()).await, Some(3));
        assert_eq!(damaged_at(&store, one()).await, Some(4));
        let misplaced = "UPDATE annals.event SET position = 9 WHERE position = 1";
        let (_database, store) = log_after(misplaced).await;
        assert_eq!(damaged_at(&store, Read::all()).await, Some(2));
        assert_eq!(damaged_at(&store, one()).await, Some(2));
    });
}
