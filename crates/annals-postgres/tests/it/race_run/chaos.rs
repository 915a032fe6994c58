//! Somebody who kills and disturbs.

use std::fmt;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_postgres::{Client, NoTls};

use super::deck::{Card, Deck};
use super::process::{Acknowledged, Process};
use super::progress::Progress;
use crate::cluster::Cluster;
use crate::database::Database;
use crate::raw::{Attempt, Sql, Writer};

/// Events between two disturbances, about.
const CALM_EVENTS: u64 = 100;

/// Most disturbances of a run: a long one has long stretches without.
const DISTURBANCES_MAX: u64 = 1_500;

/// What is said about a run that proves nothing.
pub(super) const CALM: &str = "nothing was disturbed";

/// Tries to meet a session that is in the middle of what it is to be disturbed at.
const TRIES_MAX: usize = 100;

pub(super) struct Chaos<'a> {
    server: &'a Cluster,
    database: &'a Database,
    /// What writing processes open.
    url: &'a str,
    writers: Vec<Process>,
    random: StdRng,
    deck: Deck,
    observer: Client,
    /// A transaction elsewhere in the cluster that has written and is not ended.
    foreign: Option<Client>,
    acknowledged: Vec<Acknowledged>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    terminated: i64,
    rolled_back: u32,
    held: u32,
    held_elsewhere: u32,
    killed: u32,
    restarted: u32,
}

impl fmt::Display for Chaos<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { terminated, rolled_back, held, held_elsewhere, killed, restarted } =
            self.counts;
        write!(
            formatter,
            "the server was killed {restarted} times, a writing process {killed} times, \
             {terminated} sessions were terminated, {rolled_back} appends rolled back, the head \
             row held {held} times, a transaction elsewhere {held_elsewhere} times"
        )
    }
}

impl<'a> Chaos<'a> {
    pub(super) async fn new(
        server: &'a Cluster,
        database: &'a Database,
        url: &'a str,
        writers: Vec<Process>,
        deck: Deck,
        seed: u64,
    ) -> Self {
        let observer = connect(database).await;
        observer.batch_execute("CREATE TABLE elsewhere (number integer)").await.expect("it can be");
        Self {
            server,
            database,
            url,
            writers,
            random: StdRng::seed_from_u64(seed),
            deck,
            observer,
            foreign: None,
            acknowledged: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Disturbs until the log has so many events, and at least once in each way. Then ends the
    /// writers, and gives what was acknowledged.
    pub(super) async fn rage(&mut self, events: u64) -> Vec<Acknowledged> {
        let calm = CALM_EVENTS.max(events / DISTURBANCES_MAX);
        let mut progress = Progress::new();
        let mut next = calm;
        loop {
            let head = self.head().await;
            progress.say(head, events);
            if head >= events && self.deck.is_through() {
                break;
            }
            if head >= next {
                self.disturb().await;
                next = head + self.random.random_range(calm / 2..calm * 2);
            }
            for writer in &mut self.writers {
                writer.assert_is_running();
            }
        }
        self.foreign = None;
        let mut acknowledged = std::mem::take(&mut self.acknowledged);
        for writer in std::mem::take(&mut self.writers) {
            acknowledged.extend(tokio::task::block_in_place(|| writer.finish()));
        }
        let Counts { terminated, rolled_back, held, held_elsewhere, killed, restarted } =
            self.counts;
        let happened = [rolled_back, held, held_elsewhere, killed, restarted];
        assert!(terminated > 0 && !happened.contains(&0), "{CALM}, or not in every way: {self}");
        acknowledged
    }

    async fn disturb(&mut self) {
        match self.deck.draw(&mut self.random) {
            Card::TerminateWriter => {
                self.terminate("query LIKE '-- Writes%' OR query LIKE 'COMMIT%'").await;
            }
            Card::TerminateHolder => {
                self.terminate(
                    "EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid
                        AND relation = 'annals.event'::regclass AND mode = 'RowExclusiveLock')",
                )
                .await;
            }
            Card::TerminateAnother => self.terminate("query NOT LIKE '-- Writes%'").await,
            Card::RollBack => self.roll_back().await,
            Card::Hold => self.hold().await,
            Card::HoldElsewhere => self.hold_elsewhere().await,
            Card::KillWriter => self.kill_a_writer(),
            Card::KillServer => self.restart().await,
        }
    }

    /// Ends one session of the store, chosen by what it does or did last.
    async fn terminate(&mut self, which: &str) {
        let statement = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (
                SELECT pid FROM pg_stat_activity
                WHERE application_name = 'annals' AND ({which}) ORDER BY random() LIMIT 1
            ) AS chosen"
        );
        for _ in 0..TRIES_MAX {
            let row = self.observer.query_one(&statement, &[]).await.expect("the server answers");
            let terminated: i64 = row.get(0);
            self.counts.terminated += terminated;
            if terminated > 0 {
                return;
            }
        }
    }

    async fn writer(&self) -> Writer {
        Writer::open(self.database, &Sql::of_the_store()).await
    }

    /// An append that got as far as its commit and is taken back.
    async fn roll_back(&mut self) {
        let writer = self.writer().await;
        writer.begin().await;
        if writer.lock().await.is_ok() && writer.append(Attempt::on("rolled back")).await.is_ok() {
            self.counts.rolled_back += 1;
        }
        writer.rollback().await;
    }

    /// Holds the head row for a while, until it is let go or somebody terminates the holder.
    async fn hold(&mut self) {
        let writer = self.writer().await;
        writer.begin().await;
        writer.lock().await.expect("the row can be had");
        self.counts.held += 1;
        // Nobody can write now, so there is nothing to wait for but time.
        let _ = self.observer.batch_execute("SELECT pg_sleep(0.05)").await;
        if self.random.random_bool(0.5) {
            let pid = writer.pid().await;
            let _ = self.observer.execute("SELECT pg_terminate_backend($1)", &[&pid]).await;
        } else {
            writer.rollback().await;
        }
    }

    /// Leaves a transaction open that has written something else, or ends it.
    async fn hold_elsewhere(&mut self) {
        self.foreign = match self.foreign.take() {
            Some(_) => None,
            None => {
                let foreign = connect(self.database).await;
                let write = "BEGIN; INSERT INTO elsewhere VALUES (1)";
                foreign.batch_execute(write).await.expect("the server answers");
                self.counts.held_elsewhere += 1;
                Some(foreign)
            }
        };
    }

    /// Kills a writing process, and starts another one.
    fn kill_a_writer(&mut self) {
        let chosen = self.random.random_range(0..self.writers.len());
        let mut killed = self.writers.swap_remove(chosen);
        killed.kill();
        self.counts.killed += 1;
        self.writers.push(Process::writer(self.url));
        self.acknowledged.extend(killed.acknowledged());
    }

    /// Kills the server, and starts it again.
    async fn restart(&mut self) {
        self.foreign = None;
        tokio::task::block_in_place(|| {
            self.server.stop("immediate").expect("it can be stopped");
            self.server.start_again().expect("it can be started");
        });
        self.counts.restarted += 1;
        self.observer = connect(self.database).await;
    }

    async fn head(&mut self) -> u64 {
        // The pause is the server's: asking all the time would take the time to write.
        let head = "SELECT coalesce(max(position), 0), pg_sleep(0.005) FROM annals.event";
        let row = self.observer.query_one(head, &[]).await.expect("the server answers");
        u64::try_from(row.get::<_, i64>(0)).expect("positions are not negative")
    }
}

/// A session of the owner, as soon as the server lets us.
async fn connect(database: &Database) -> Client {
    loop {
        if let Ok((client, connection)) =
            tokio_postgres::connect(&database.owner_url(), NoTls).await
        {
            tokio::spawn(connection);
            return client;
        }
    }
}
