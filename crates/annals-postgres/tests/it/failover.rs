//! The primary dies and a standby takes its place, with everything or with less than was seen.

use std::sync::Arc;

use annals_core::{
    AppendCondition, AppendError, CommandId, EventStore, Position, Read, ReadError, RecordedEvent,
};
use annals_postgres::{DurabilityRisk, OpenError, PostgresOptions, PostgresStore};
use tokio::task::block_in_place;
use tokio_postgres::Client;

use crate::cluster::Cluster;
use crate::database::{Database, connect, execute, server_url, with_database};
use crate::hostile::block_on;
use crate::load::{Load, append, append_until_known, assert_log, event};
use crate::own_server;

/// Two servers with one log.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    database: Database,
}

impl Pair {
    async fn start() -> Option<Self> {
        let primary = own_server::start(&[])?;
        let database = Database::on(&primary.url()).await;
        let standby = block_in_place(|| own_server::start_standby(&primary));
        Some(Self { primary, standby, database })
    }

    /// Both hosts, as an application has them.
    fn options(&self) -> PostgresOptions {
        let url = self.database.role_url("app");
        let (first, second) = (authority(&self.primary), authority(&self.standby));
        let both = url.replace(&first, &format!("{first},{second}"));
        assert_ne!(both, url, "the URL names the primary");
        PostgresOptions::from_url(&both).expect("it is a URL")
    }

    /// Only the standby.
    fn standby_url(&self) -> String {
        let url = self.database.role_url("app");
        url.replace(&authority(&self.primary), &authority(&self.standby))
    }

    async fn open(&self) -> Arc<PostgresStore> {
        let store = PostgresStore::open(self.options()).await;
        Arc::new(store.expect("one of the two takes writes"))
    }

    /// A session of the superuser in the log's database on the standby.
    async fn on_standby(&self) -> Client {
        let url = self.database.owner_url();
        connect(&url.replace(&authority(&self.primary), &authority(&self.standby))).await
    }

    async fn on_primary(&self) -> Client {
        self.database.owner().await
    }

    /// Waits until the standby has everything that is written now.
    async fn catch_up(&self) {
        let written = "SELECT pg_current_wal_insert_lsn()::text";
        let row = self.on_primary().await.query_one(written, &[]).await.expect("it answers");
        let written: String = row.get(0);
        let has_it = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        until(&self.on_standby().await, &has_it).await;
    }

    /// From now on the standby hears nothing of what is written.
    async fn cut(&self) {
        let standby = self.on_standby().await;
        execute(&standby, "ALTER SYSTEM SET primary_conninfo = ''").await;
        execute(&standby, "SELECT pg_reload_conf()").await;
        until(&standby, "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)").await;
    }

    async fn fail_over(&self) {
        block_in_place(|| {
            self.primary.stop("immediate").expect("it can be stopped");
            own_server::promote(&self.standby);
        });
    }
}

/// Host and port of a server.
fn authority(server: &Cluster) -> String {
    let url = server.url();
    let rest = url.rsplit_once('@').expect("it has a user").1;
    rest.split('/').next().expect("there is always a part").to_owned()
}

/// Waits for a condition, with pauses of the server's.
async fn until(session: &Client, condition: &str) {
    loop {
        let row = session.query_one(condition, &[]).await.expect("the server answers");
        if row.get(0) {
            return;
        }
        execute(session, "SELECT pg_sleep(0.02)").await;
    }
}

/// Reads the log to its end, again and again, until it has this many events.
async fn follow(store: &PostgresStore, events: u64) -> Vec<RecordedEvent> {
    let mut seen: Vec<RecordedEvent> = Vec::new();
    while (seen.len() as u64) < events {
        let after = seen.last().map_or(Position::ZERO, |last| last.position);
        match store.read(Read::all().after(after)).await {
            Ok(page) => seen.extend(page.events),
            Err(ReadError::Unavailable { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    seen
}

async fn wait_for(store: &PostgresStore, events: u64) {
    let last = Position::new(events).expect("it is small").before();
    let head = store.wait_past(last).await.expect("the log is still the same");
    assert!(head.get() >= events);
}

/// A standby that confirms every commit takes over in the middle of the load.
#[test]
fn failover_to_a_synchronous_standby_loses_nothing_that_was_acknowledged() {
    const BEFORE: u64 = 400;
    const AFTER: u64 = 400;
    block_on(async {
        let Some(pair) = Pair::start().await else { return };
        let session = pair.on_primary().await;
        execute(&session, "ALTER SYSTEM SET synchronous_standby_names = 'standby'").await;
        execute(&session, "SELECT pg_reload_conf()").await;
        until(
            &session,
            "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')",
        )
        .await;
        drop(session);
        // Commits that do not wait for it would be lost with the primary.
        let risky =
            format!("{}?options=-csynchronous_commit%3Dlocal", pair.database.role_url("app"));
        let risky = PostgresStore::open(PostgresOptions::from_url(&risky).expect("it is a URL"));
        let refused = risky.await.map(drop);
        assert!(
            matches!(
                refused,
                Err(OpenError::Durability { risk: DurabilityRisk::SynchronousCommit, .. })
            ),
            "{refused:?}"
        );
        let handles = [pair.open().await, pair.open().await, pair.open().await];
        let loads: Vec<Load> = handles
            .iter()
            .enumerate()
            .map(|(number, handle)| Load::on(handle, &number.to_string(), 4))
            .collect();
        let reader = pair.open().await;
        let reading = tokio::spawn({
            let reader = Arc::clone(&reader);
            async move { follow(&reader, BEFORE + AFTER).await }
        });
        wait_for(&handles[0], BEFORE).await;
        pair.fail_over().await;
        // The same handles go on, without anybody's help.
        let promoted = handles[1].head().await;
        let so_far = promoted.expect("the standby takes its place").get();
        assert!(so_far >= BEFORE, "the standby has only {so_far} events");
        for handle in &handles {
            wait_for(handle, so_far + AFTER).await;
        }
        let mut acknowledged = Vec::new();
        for load in loads {
            acknowledged.extend(load.stop().await);
        }
        assert_log(&pair.on_standby().await, &acknowledged).await;
        // What a reader has seen before is what is there afterwards.
        let seen = reading.await.expect("a reader does not panic");
        let fresh = pair.open().await;
        let written = follow(&fresh, seen.len() as u64).await;
        assert_eq!(written.get(..seen.len()), Some(&*seen));
    });
}

/// A standby that is behind takes over. Broke in stores whose readers only remember a position:
/// other events stand there by now, and they go on behind them.
#[test]
fn failover_to_a_standby_that_is_behind_stops_whoever_has_seen_more() {
    block_on(async {
        let Some(pair) = Pair::start().await else { return };
        let (writer, reader, early) = (pair.open().await, pair.open().await, pair.open().await);
        for sequence in 0..20 {
            let _ = append_until_known(&*writer, "one", sequence, CommandId::new()).await;
        }
        let known = follow(&early, 20).await;
        pair.catch_up().await;
        pair.cut().await;
        for sequence in 20..25 {
            let _ = append_until_known(&*writer, "one", sequence, CommandId::new()).await;
        }
        let seen = follow(&reader, 25).await.last().map(|last| last.position);
        let seen = seen.expect("there are events");
        let waiting = tokio::spawn({
            let reader = Arc::clone(&reader);
            async move { reader.wait_past(seen).await }
        });
        pair.fail_over().await;
        // Who comes anew, or has not seen more than the standby has, goes on.
        let fresh = pair.open().await;
        assert_eq!(fresh.head().await.expect("it can be read").get(), 20);
        assert_eq!(follow(&early, 20).await, known);
        for sequence in 0..10 {
            let _ = append_until_known(&*early, "two", sequence, CommandId::new()).await;
        }
        // Whoever went on from there would skip what now stands from 21 to 25.
        let page = fresh.read(Read::all().after(seen)).await.expect("it can be read");
        assert_eq!(page.events.len(), 5, "the broken way would have skipped five events");
        let write = append(vec![event("three", "1")], AppendCondition::default(), None);
        let error = writer.append(write).await.expect_err("it had seen more");
        let AppendError::Closed { source } = &error else { panic!("{error:?}") };
        let reason = source.to_string();
        assert!(reason.contains("position 25 was acknowledged or read here"), "{reason}");
        for read in [Read::all().after(seen), Read::all()] {
            let read = reader.read(read).await;
            assert!(matches!(read, Err(ReadError::Closed { .. })), "{read:?}");
        }
        let waited = waiting.await.expect("a waiter does not panic");
        assert!(matches!(waited, Err(ReadError::Closed { .. })), "{waited:?}");
        let head = writer.head().await;
        assert!(matches!(head, Err(ReadError::Closed { .. })), "{head:?}");
    });
}

/// Reads go to a standby by URL, where it is as new as what was seen before.
#[test]
fn replica_is_read_only_where_it_is_new_enough() {
    block_on(async {
        let Some(pair) = Pair::start().await else { return };
        let options = pair.database.application_options().replica(&pair.standby_url());
        let store = PostgresStore::open(options.expect("it is a URL"))
            .await
            .expect("the log can be opened");
        for sequence in 0..5 {
            let _ = append_until_known(&store, "one", sequence, CommandId::new()).await;
            // Whether the replica has it already or not.
            assert_eq!(follow(&store, sequence + 1).await.len() as u64, sequence + 1);
        }
        pair.catch_up().await;
        block_in_place(|| pair.primary.stop("immediate").expect("it can be stopped"));
        assert_eq!(store.read(Read::all()).await.expect("the replica has it").events.len(), 5);
        block_in_place(|| pair.primary.start_again().expect("it can be started"));
        pair.cut().await;
        let _ = append_until_known(&store, "one", 5, CommandId::new()).await;
        assert_eq!(store.read(Read::all()).await.expect("the primary has it").events.len(), 6);
        block_in_place(|| pair.primary.stop("immediate").expect("it can be stopped"));
        let behind = store.read(Read::all()).await;
        assert!(matches!(behind, Err(ReadError::Unavailable { .. })), "{behind:?}");
    });
}

/// A copy of the log that has gone on by itself, as a standby does that was ahead of the one which
/// took over. It is as new as the primary, and what it has more was never in the log.
#[test]
fn replica_with_another_history_is_not_read() {
    block_on(async {
        let database = Database::with_log().await;
        let store = PostgresStore::open(database.application_options()).await;
        let store = store.expect("the log can be opened");
        for sequence in 0..5 {
            let _ = append_until_known(&store, "one", sequence, CommandId::new()).await;
        }
        store.close().await;
        let server = connect(server_url()).await;
        let (name, copy) = (database.name(), format!("{}_copy", database.name()));
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        execute(&server, &format!("{end} '{name}'")).await;
        while server
            .batch_execute(&format!("CREATE DATABASE {copy} TEMPLATE {name}"))
            .await
            .is_err()
        {
            // Whoever was ended is still on its way out.
        }
        let copy_url = with_database(&database.role_url("app"), &copy);
        let other = PostgresOptions::from_url(&copy_url).expect("it is a URL");
        let other = PostgresStore::open(other).await.expect("the copy can be opened");
        let with_replica =
            || database.application_options().replica(&copy_url).expect("it is a URL");
        let early = PostgresStore::open(with_replica()).await.expect("the log can be opened");
        for sequence in 5..9 {
            let _ = append_until_known(&other, "one", sequence, CommandId::new()).await;
        }
        // What the copy has more is not read, as long as both have what is known.
        assert_eq!(early.read(Read::all()).await.expect("it can be read").events.len(), 5);
        let primary = PostgresStore::open(database.application_options()).await;
        let primary = primary.expect("the log can be opened");
        for sequence in 5..8 {
            let _ = append_until_known(&primary, "one", sequence, CommandId::new()).await;
        }
        let written = primary.read(Read::all()).await.expect("it can be read").events;
        let late = PostgresStore::open(with_replica()).await.expect("the log can be opened");
        assert_eq!(late.read(Read::all()).await.expect("it can be read").events, written);
        let news = early.wait_past(Position::new(5).expect("it is small")).await;
        assert!(news.expect("the log is still the same").get() > 5);
        assert_eq!(early.read(Read::all()).await.expect("it can be read").events, written);
        drop((early, late, other));
        execute(&server, &format!("DROP DATABASE {copy} WITH (FORCE)")).await;
    });
}
