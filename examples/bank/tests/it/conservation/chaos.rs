//! Somebody who kills and disturbs.

use std::fmt;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::services::{Service, Services, complaints_of};
use super::world::World;
use crate::database;

/// One way to disturb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    /// Kills a service, and starts another one.
    Kill,
    /// Stops a service as it is for longer than its leases last, and has it go on as if nothing had
    /// happened.
    Pause,
    /// Ends some sessions of the server, or all.
    Cut,
    /// Kills the server, and starts it again.
    Restart,
}

/// Longer than a lease.
const PAUSE: Duration = Duration::from_secs(7);

const ON_SQLITE: [Card; 1] = [Card::Kill];
const ON_POSTGRES: [Card; 7] =
    [Card::Kill, Card::Kill, Card::Cut, Card::Cut, Card::Cut, Card::Restart, Card::Pause];

pub(super) struct Chaos<'a> {
    world: &'a World,
    services: &'a Services,
    random: StdRng,
    deck: Vec<Card>,
    paused: Option<(Service, Instant)>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    killed: u32,
    paused: u32,
    cut: i64,
    restarted: u32,
}

impl fmt::Display for Chaos<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { killed, paused, cut, restarted } = self.counts;
        write!(
            formatter,
            "a service was killed {killed} times and paused {paused} times, {cut} sessions cut, \
             the server killed {restarted} times"
        )
    }
}

impl<'a> Chaos<'a> {
    pub(super) fn new(world: &'a World, services: &'a Services, random: StdRng) -> Self {
        let (deck, counts) = (Vec::new(), Counts::default());
        Self { world, services, random, deck, paused: None, counts }
    }

    pub(super) fn disturb(&mut self) {
        self.services.assert_are_running(&self.world.home);
        if self.deck.is_empty() {
            let is_on_server = self.world.server().is_some();
            self.deck.extend(if is_on_server { &ON_POSTGRES[..] } else { &ON_SQLITE });
            self.deck.shuffle(&mut self.random);
        }
        match self.deck.pop().unwrap() {
            Card::Kill => self.kill(),
            Card::Pause => self.pause(),
            Card::Cut => self.cut(),
            Card::Restart => self.restart(),
        }
    }

    /// Has whoever was paused long enough go on.
    pub(super) fn go_on(&mut self) {
        if let Some((service, _)) = self.paused.take_if(|(_, since)| since.elapsed() > PAUSE) {
            service.signal("CONT");
            self.services.add(service);
        }
    }

    pub(super) fn is_anybody_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Whether there was one of each kind.
    pub(super) fn was_thorough(&self) -> bool {
        let Counts { killed, paused, cut, restarted } = self.counts;
        killed > 0 && (self.world.server().is_none() || (paused > 0 && cut > 0 && restarted > 0))
    }

    /// Has everybody go on.
    pub(super) fn end(&mut self) {
        if let Some((service, _)) = self.paused.take() {
            service.signal("CONT");
            self.services.add(service);
        }
    }

    /// What services complained about, for whoever looks into it.
    pub(super) fn complaints(&self) -> String {
        complaints_of(&self.world.home)
    }

    fn kill(&mut self) {
        self.services.remove(&mut self.random).kill();
        self.services.add(Service::start(&self.world.home, &self.world.store()));
        self.counts.killed += 1;
    }

    fn pause(&mut self) {
        if self.paused.is_none() {
            let service = self.services.remove(&mut self.random);
            service.signal("STOP");
            self.paused = Some((service, Instant::now()));
            self.counts.paused += 1;
        }
    }

    fn cut(&mut self) {
        let share = if self.random.random_bool(0.5) { 1.0 } else { 0.2 };
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND random() < $1";
        self.counts.cut += database::on(&self.world.store(), async |session| {
            session.query_one(cut, &[&share]).await.unwrap().get::<_, i64>(0)
        });
    }

    fn restart(&mut self) {
        let server = self.world.server().unwrap();
        server.stop("immediate").unwrap();
        server.start_again().unwrap();
        self.counts.restarted += 1;
    }
}
