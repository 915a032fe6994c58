//! kill -9 under load, again and again, on one log.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_sqlite::{Integrity, SqliteStore};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::child;
use crate::workload::{self, Outcome};

pub(crate) const ROLE: &str = "load";
const LIFE: &str = "ANNALS_TEST_LIFE";
const LIVES: usize = 200;
const CLIENTS: usize = 8;

/// Appends with all its might until it is killed. Says what it is about to try, and, only after
/// the acknowledgement, where it went.
pub(crate) fn play(folder: &Path) {
    let life = std::env::var(LIFE).expect("this role has a life");
    let store = open(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let clients = (0..CLIENTS).map(|client| {
        let (store, life) = (Arc::clone(&store), life.clone());
        runtime.spawn(async move {
            for number in 0.. {
                let label = format!("{life}-{client}-{number}");
                say(&format!("tried {label}"));
                match workload::send(&*store, &label).await {
                    Outcome::Acknowledged { first_position } => {
                        say(&format!("acknowledged {label} {first_position}"));
                    }
                    other => panic!("{label}: {other:?}"),
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    for client in clients {
        runtime.block_on(client).expect("clients go on until they are killed");
    }
}

fn open(folder: &Path) -> Arc<SqliteStore> {
    let options = SqliteStore::options().readers(1).integrity(Integrity::Tail).wal_bytes(1 << 20);
    Arc::new(options.open(child::log_in(folder)).expect("the log can be opened"))
}

/// One line, one write to the pipe.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).expect("somebody listens");
}

#[test]
fn acknowledged_events_survive_being_killed_two_hundred_times() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut told: HashMap<String, Outcome> = HashMap::new();
    let mut written: HashMap<String, u64> = HashMap::new();
    let mut verified = Position::ZERO;
    for life in 0..LIVES {
        let mut tried = Vec::new();
        for line in live_and_be_killed(folder.path(), life, &mut random) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["tried", label] => tried.push(label.to_owned()),
                ["acknowledged", label, position] => {
                    let first_position = position.parse().unwrap();
                    let known = Outcome::Acknowledged { first_position };
                    told.insert(label.to_owned(), known);
                }
                // The test harness of the child talks, too.
                _ => {}
            }
        }
        let store = open(folder.path());
        runtime.block_on(async {
            // Whoever was not told asks again, as the contract says.
            for label in tried {
                if !told.contains_key(&label) {
                    told.insert(label.clone(), workload::send(&*store, &label).await);
                }
            }
            let news = workload::verify(&*store, verified).await;
            verified = verified.plus(news.len() as u64);
            for (label, position) in workload::commands(&news) {
                let before = written.insert(label.clone(), position);
                assert_eq!(before, None, "{label} was written twice");
            }
        });
        workload::assert_kept(&written, &told);
    }
    let store = open(folder.path());
    let whole = runtime.block_on(workload::verify(&*store, Position::ZERO));
    let written = workload::commands(&whole);
    workload::assert_kept(&written, &told);
    assert_eq!(written.len(), told.len(), "the log has commands that nobody sent");
    assert!(told.len() > LIVES, "too little was written to show anything: {}", told.len());
}

/// Starts a process, kills it at a random moment, and gives what it said until then.
fn live_and_be_killed(folder: &Path, life: usize, random: &mut StdRng) -> Vec<String> {
    let mut child = child::command(ROLE, folder).env(LIFE, life.to_string()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = Vec::new();
    // Sometimes while it opens the log, mostly after some acknowledgements, and some microseconds.
    let patience = if random.random_ratio(1, 10) { 0 } else { random.random_range(1..400) };
    while said.len() < patience {
        said.push(lines.next().expect("it lives until it is killed").unwrap());
    }
    let moment = Duration::from_micros(random.random_range(0..3_000));
    std::thread::park_timeout(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    // What is left in the pipe was said before the end; its last line may be cut off.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    said.extend(rest);
    said
}
