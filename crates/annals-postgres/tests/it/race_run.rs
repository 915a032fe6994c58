//! Everything at once: several writing and several reading processes, and somebody who kills and
//! disturbs whatever there is, the server included.
//!
//! Short in a test run; `cargo xtask soak` makes it long. Run once more with something broken on
//! purpose, it must go red.

mod chaos;
mod deck;
mod follower;
mod process;
mod progress;
mod reader;
mod writer;

use std::any::Any;
use std::time::Instant;

use annals_core::{EventStore, Position, ReadError};
use annals_postgres::{OpenError, PostgresOptions, PostgresStore};

use crate::cluster::Cluster;
use crate::database::{Database, execute};
use crate::hostile::block_on;
use crate::own_server;
use chaos::Chaos;
use deck::Deck;
use process::Process;

pub(crate) use reader::play as play_reader;
pub(crate) use writer::play as play_writer;

/// The variable with the number of events, for a long run.
const EVENTS: &str = "ANNALS_SOAK_EVENTS";

/// Least events of a run that is part of the tests.
const EVENTS_DEFAULT: u64 = 4_000;

const WRITERS: usize = 4;
const READERS: usize = 4;

/// What is different from the store as it is shipped, to see that it is found out.
#[derive(Debug, Default)]
struct Sabotage {
    settings: &'static [(&'static str, &'static str)],
    /// Run by the owner of the log.
    statements: &'static str,
    /// Parameters of the URL that applications use.
    parameters: &'static str,
    /// How many times more the server is killed, where one kill may by chance do no harm.
    more_kills: usize,
}

#[test]
fn nothing_is_lost_doubled_skipped_or_misplaced() {
    let events = std::env::var(EVENTS).ok();
    let events = events.map_or(EVENTS_DEFAULT, |text| text.parse().expect("it is a number"));
    if let Some(server) = own_server::start(&[]) {
        run(&server, events, &Sabotage::default());
    }
}

/// Broke wherever positions come from a sequence: an append that is rolled back keeps its number.
#[test]
fn positions_from_a_sequence_are_found_out() {
    assert_found_out(Sabotage {
        statements: "CREATE SEQUENCE annals.numbers;
            CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                NEW.position := nextval('annals.numbers');
                RETURN NEW;
            END
            $$;
            CREATE TRIGGER number BEFORE INSERT ON annals.event
                FOR EACH ROW EXECUTE FUNCTION number()",
        ..Sabotage::default()
    });
}

/// Broke wherever a commit is acknowledged before it is flushed.
#[test]
fn commits_that_are_not_flushed_are_found_out() {
    assert_found_out(Sabotage {
        // Otherwise what was acknowledged is flushed a moment later, mostly in time.
        settings: &[("wal_writer_delay", "10s"), ("wal_writer_flush_after", "1GB")],
        statements: "DO $$ BEGIN EXECUTE format(
            'ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        parameters: "accept_risk=synchronous_commit",
        // Anything that is flushed for its own sake takes along what was acknowledged before it.
        more_kills: 9,
    });
}

fn assert_found_out(sabotage: Sabotage) {
    let server = own_server::start(sabotage.settings);
    let server = server.expect("nothing can be found out without a server");
    // On a thread of its own, whose panic is what is hoped for.
    let run = std::thread::spawn(move || run(&server, EVENTS_DEFAULT, &sabotage));
    let found = run.join().expect_err("the run does not find the broken variant");
    assert!(!message(&*found).contains(chaos::CALM), "nothing was found out: it was calm");
    println!("the broken variant was found out: {}", message(&*found));
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

fn run(server: &Cluster, events: u64, sabotage: &Sabotage) {
    block_on(async {
        let database = Database::on(&server.url()).await;
        execute(&database.owner().await, sabotage.statements).await;
        let url = format!("{}?{}", database.role_url("app"), sabotage.parameters);
        let seed = rand::random();
        println!("seed {seed}");
        let began = Instant::now();
        let writers = (0..WRITERS).map(|_| Process::writer(&url)).collect();
        let readers: Vec<Process> = (0..READERS).map(|_| Process::reader(&url)).collect();
        let deck = Deck::with_more_kills(sabotage.more_kills);
        let mut chaos = Chaos::new(server, &database, &url, writers, deck, seed).await;
        let acknowledged = chaos.rage(events).await;
        let seconds = began.elapsed().as_secs_f64();
        let store = open(&url).await;
        let head = head(&store).await;
        assert!(head.get() >= events, "the writers ended at {head}");
        let digest = follower::check(&store, head, &acknowledged).await;
        for reader in readers {
            assert_eq!(reader.end(head), digest, "a reader saw another log");
        }
        println!(
            "{head} events, {} appends acknowledged, in {seconds:.0} s; {chaos}; 0 lost, \
             0 doubled, 0 skipped, 0 out of order, positions gap-free for {READERS} readers",
            acknowledged.len()
        );
    });
}

/// Opens the log as soon as the server lets us.
async fn open(url: &str) -> PostgresStore {
    loop {
        let options = PostgresOptions::from_url(url).expect("it is a URL");
        match PostgresStore::open(options).await {
            Ok(store) => return store,
            Err(OpenError::Connect { .. } | OpenError::Refused { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn head(store: &PostgresStore) -> Position {
    loop {
        match store.head().await {
            Ok(head) => return head,
            Err(ReadError::Unavailable { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}
