//! Reading a log and doubting it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use annals_core::{EventStore, Position, Read, ReadError, RecordedEvent, Sequence, StreamId, Tag};
use annals_postgres::PostgresStore;

use super::process::Acknowledged;
use super::writer::DOOMED;

/// Follows a log and checks each event against those before it.
#[derive(Debug, Default)]
pub(super) struct Follower {
    after: Position,
    streams: HashMap<StreamId, Sequence>,
    last: Option<RecordedEvent>,
    digest: DefaultHasher,
}

impl Follower {
    /// How far it has come.
    pub(super) fn after(&self) -> Position {
        self.after
    }

    /// Takes the next page. Gives its events, none while the server is away.
    pub(super) async fn follow(
        &mut self,
        store: &PostgresStore,
        limit: usize,
    ) -> Vec<RecordedEvent> {
        let page = match store.read(Read::all().after(self.after).limit(limit)).await {
            Ok(page) => page,
            Err(ReadError::Unavailable { .. }) => return Vec::new(),
            Err(error) => panic!("{error:?}"),
        };
        for event in &page.events {
            self.check(event);
        }
        assert!(page.through >= self.after, "a page steps back");
        self.after = page.through;
        let last = self.last.as_ref().map_or(Position::ZERO, |last| last.position);
        assert_eq!(last, self.after, "a page of everything ends behind its last event");
        page.events
    }

    fn check(&mut self, event: &RecordedEvent) {
        let before = self.last.as_ref().map_or(Position::ZERO, |last| last.position);
        assert_eq!(event.position, before.plus(1), "skipped, or out of order");
        let sequence = self.streams.entry(event.stream.clone()).or_default();
        assert_eq!(event.sequence, sequence.plus(1), "a stream is out of order");
        *sequence = event.sequence;
        let timestamp = self.last.as_ref().map(|last| last.timestamp);
        assert!(timestamp.is_none_or(|before| before <= event.timestamp), "time steps back");
        self.digest.write(&event.digest());
        self.last = Some(event.clone());
    }

    /// Over every event so far.
    pub(super) fn digest(&self) -> u64 {
        self.digest.finish()
    }
}

/// The whole log: every acknowledged append is where it was said to be, no command is there twice,
/// no refused one is there, and no name was claimed twice. Gives the digest.
pub(super) async fn check(
    store: &PostgresStore,
    head: Position,
    acknowledged: &[Acknowledged],
) -> u64 {
    let mut follower = Follower::default();
    let mut written: HashMap<String, (Position, usize)> = HashMap::new();
    let mut names: HashSet<Tag> = HashSet::new();
    while follower.after < head {
        for event in follower.follow(store, 5_000).await {
            let command: String = event.payload.read().expect("payloads are the commands' ids");
            assert_ne!(command, DOOMED, "a refused append was written");
            let entry = written.entry(command).or_insert((event.position, 0));
            let next = entry.0.plus(entry.1 as u64);
            assert_eq!(next, event.position, "a command was written in pieces, or twice");
            entry.1 += 1;
            for name in event.tags {
                assert!(names.insert(name.clone()), "{name} was claimed twice");
            }
        }
    }
    assert!(!names.is_empty(), "no name was claimed");
    for Acknowledged { command, first_position, count } in acknowledged {
        let found = written.get(command);
        assert_eq!(found, Some(&(*first_position, *count)), "{command} was acknowledged");
    }
    follower.digest()
}
