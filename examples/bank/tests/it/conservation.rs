//! Money is neither lost nor made, whatever happens to those who move it.
//!
//! Many clients transfer between a hundred accounts while services are killed and paused, sessions
//! cut and the database is killed. A reader of the log checks with every event that what is on the
//! accounts and in flight is what there was, and that nobody is overdrawn; at the end every
//! transfer has ended once, in the way that its money went and its caller was told.
//!
//! Short in a test run; `cargo xtask soak transfers` makes it long. With a log that forgets command
//! ids, it must go red.

mod books;
mod chaos;
mod clients;
mod reader;
mod services;
mod world;
mod wrongs;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use annals::Position;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use ureq::http::Request;

use self::chaos::Chaos;
use self::clients::{Asked, account_id};
use self::reader::Progress;
use self::services::{Service, Services};
use self::world::World;
use crate::client::send;
use crate::database;

/// The variable with the number of transfers, for a long run.
const TRANSFERS: &str = "ANNALS_SOAK_TRANSFERS";

/// Transfers on each store, in a run that is part of the tests: 20,000 in all.
const TRANSFERS_DEFAULT: usize = 10_000;

/// Transfers of a run that has to find something, which the first disturbances bring about.
const TRANSFERS_SABOTAGED: usize = 2_000;

/// Disturbances of a run. Each may stop everything for as long as a lease lasts, so the longer a
/// run, the longer the stretches without. In the shortest, every kind of them comes up twice: the
/// longest deck has seven cards, and the last disturbances find nothing left to disturb.
const DISTURBANCES: RangeInclusive<usize> = 16..=500;

/// Transfers between two disturbances, as far as that leads to as many.
const CALM: usize = 1_400;

const ACCOUNTS: usize = 100;
const INITIAL_BALANCE: i64 = 1_000;
const CLIENTS: u64 = 32;

/// Longest time in which nothing happens in the log. Whoever takes over first waits for a lease.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn no_money_is_lost_or_made_on_sqlite() {
    run(&World::on_sqlite(), transfers(), "").unwrap();
}

#[test]
fn no_money_is_lost_or_made_on_postgres() {
    if let Some(world) = World::on_postgres() {
        run(&world, transfers(), "").unwrap();
    }
}

/// Broke wherever a saga dispatches without command ids, or they are not kept: who comes after a
/// process that was killed, or repeats what was not answered, moves the money a second time.
#[test]
fn forgotten_command_ids_are_found_out() {
    let forget = "
        CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER forget BEFORE INSERT ON annals.command
            FOR EACH ROW EXECUTE FUNCTION forget()";
    if let Some(world) = World::on_postgres() {
        let found = run(&world, TRANSFERS_SABOTAGED, forget).unwrap_err();
        println!("found out: {found}");
        assert!(found.contains("once too often"), "{found}");
    }
}

fn transfers() -> usize {
    let transfers = std::env::var(TRANSFERS).ok();
    transfers.map_or(TRANSFERS_DEFAULT, |text| text.parse().unwrap())
}

/// Has so many transfers made and disturbed, on a log that was changed by these statements. An
/// error says what is wrong in the log.
fn run(world: &World, transfers: usize, sabotage: &str) -> Result<(), String> {
    let (seed, began, store) = (rand::random(), Instant::now(), world.store());
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let services = Services::default();
    for _ in 0..world.services() {
        services.add(Service::start(&world.home, &store));
    }
    open_accounts(&services.pick(&mut random));
    if !sabotage.is_empty() {
        database::execute(&store, &[sabotage]);
    }
    let (left, is_over) = (AtomicUsize::new(transfers), AtomicBool::new(false));
    let (tell, progress) = mpsc::channel();
    let mut chaos = Chaos::new(world, &services, StdRng::from_rng(&mut random));
    let (books, asked, shown) = thread::scope(|scope| {
        let reader = scope.spawn(|| reader::follow(&store, &is_over, tell));
        let clients = (0..CLIENTS).map(|client| seed.wrapping_add(client));
        let clients: Vec<_> = clients
            .map(|seed| (seed, &services, &left))
            .map(|(seed, services, left)| {
                scope.spawn(move || clients::transfer(services, left, seed))
            })
            .collect();
        let are_done = || clients.iter().all(ScopedJoinHandle::is_finished);
        rage(&mut chaos, transfers, are_done, &progress);
        // If the books do not add up, nobody goes on.
        left.store(0, Ordering::SeqCst);
        chaos.end();
        let asked = clients.into_iter().flat_map(|client| client.join().unwrap());
        let asked: Vec<Asked> = asked.collect();
        let shown = balances(&services.pick(&mut random));
        services.take().into_iter().for_each(Service::stop);
        is_over.store(true, Ordering::SeqCst);
        (reader.join().unwrap(), asked, shown)
    });
    let books = books?;
    books.close()?;
    asked.iter().try_for_each(|asked| asked.check(&books))?;
    assert_eq!(shown, *books.balances(), "the accounts show something else than the log");
    let answered = asked.iter().filter(|asked| asked.was_answered()).count();
    println!(
        "{books}; {answered} of {} were answered; in {:.0} s {chaos}",
        asked.len(),
        began.elapsed().as_secs_f64(),
    );
    assert!(chaos.was_thorough(), "not disturbed in every way: {chaos}");
    Ok(())
}

/// Disturbs until everybody has what they asked for, or the reader has seen enough.
fn rage(
    chaos: &mut Chaos<'_>,
    transfers: usize,
    are_done: impl Fn() -> bool,
    progress: &mpsc::Receiver<Progress>,
) {
    let disturbances = (transfers / CALM).clamp(*DISTURBANCES.start(), *DISTURBANCES.end());
    let calm = transfers / disturbances;
    let (mut next, mut last) = (calm, (Position::ZERO, Instant::now()));
    let mut reports = Reports::new(transfers);
    while let Ok(now) = progress.recv() {
        let now = progress.try_iter().last().unwrap_or(now);
        reports.say(now.ended);
        chaos.go_on();
        if are_done() && now.is_settled && !chaos.is_anybody_paused() {
            return;
        }
        if now.ended >= next {
            chaos.disturb();
            next = now.ended + calm;
        }
        if now.through > last.0 {
            last = (now.through, Instant::now());
        }
        assert!(last.1.elapsed() < PATIENCE, "nothing happens any more: {}", chaos.complaints());
    }
}

fn open_accounts(service: &str) {
    for number in 0..ACCOUNTS {
        let open = json!({
            "account_id": account_id(number),
            "owner_name": "A",
            "initial_balance": INITIAL_BALANCE,
        });
        let request = Request::post(format!("{service}/accounts"));
        let request = request.header("content-type", "application/json");
        send(request.body(open.to_string().into()).unwrap()).json(201);
    }
}

/// What the accounts show.
fn balances(service: &str) -> BTreeMap<String, i64> {
    let balance = |number| {
        let id = account_id(number).to_string();
        let request = Request::get(format!("{service}/accounts/{id}")).body(Vec::new());
        let account = send(request.unwrap()).json(200);
        (id, account["balance"].as_i64().unwrap())
    };
    (0..ACCOUNTS).map(balance).collect()
}

/// Says from time to time how far a long run is.
struct Reports {
    began: Instant,
    said: Instant,
    transfers: usize,
}

impl Reports {
    const PAUSE: Duration = Duration::from_secs(30);

    fn new(transfers: usize) -> Self {
        let now = Instant::now();
        Self { began: now, said: now, transfers }
    }

    fn say(&mut self, ended: usize) {
        if self.said.elapsed() > Self::PAUSE {
            self.said = Instant::now();
            let (seconds, of) = (self.began.elapsed().as_secs(), self.transfers);
            println!("{ended} of {of} transfers after {seconds} s");
        }
    }
}
