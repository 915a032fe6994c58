//! Bits that flip on the disk: noticed, never passed on as events.

use std::fs;
use std::path::Path;

use annals_core::{
    EventQuery, EventStore, Page, Position, QueryItem, Read, ReadError, RecordedEvent, Sequence,
    Tag,
};
use annals_sqlite::{Integrity, OpenError, SqliteStore};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::child::log_in;
use crate::workload;

/// More than what is looked at when a log is opened.
const COMMANDS: usize = 400;

/// Writes a log and gives its events.
async fn write_log(folder: &Path) -> Vec<RecordedEvent> {
    let store = SqliteStore::open(log_in(folder)).unwrap();
    for number in 0..COMMANDS {
        workload::send(&store, &format!("d-{number}-end")).await;
    }
    let events = workload::verify(&store, Position::ZERO).await;
    store.close();
    events
}

/// Changes one letter of the payload of an event in the file.
fn damage_payload(folder: &Path, event: &RecordedEvent) {
    let mut file = fs::read(log_in(folder)).unwrap();
    let payload = event.payload.as_str().as_bytes();
    let at = file.windows(payload.len()).position(|bytes| bytes == payload).unwrap();
    file[at + payload.len() / 2] ^= 1;
    fs::write(log_in(folder), file).unwrap();
}

async fn read_pages(store: &dyn EventStore, read: Read) -> Result<Vec<RecordedEvent>, ReadError> {
    let (mut events, mut read) = (Vec::new(), read);
    loop {
        let page: Page = store.read(read.clone()).await?;
        events.extend(page.events);
        if !page.has_more {
            return Ok(events);
        }
        read = read.after(page.through);
    }
}

fn by_tag(tag: &Tag) -> Read {
    Read::query(EventQuery::any_of([QueryItem::new().tag(tag.clone())]).unwrap())
}

#[tokio::test]
async fn flipped_bit_in_a_payload_is_named_by_every_read() {
    let folder = TempDir::new().unwrap();
    let events = write_log(folder.path()).await;
    // One with a tag, and with a payload that fits into its page.
    let is_fit =
        |event: &&RecordedEvent| !event.tags.is_empty() && event.payload.as_str().len() < 1_000;
    let damaged = events.iter().find(is_fit).unwrap();
    damage_payload(folder.path(), damaged);
    let store = SqliteStore::open(log_in(folder.path())).unwrap();
    let reads = [
        Read::all(),
        Read::stream(damaged.stream.clone(), Sequence::ZERO),
        by_tag(&damaged.tags[0]),
        Read::query(
            EventQuery::any_of([QueryItem::new().event_type(damaged.event_type.clone())]).unwrap(),
        ),
    ];
    for read in reads {
        let refusal = read_pages(&store, read.clone()).await.unwrap_err();
        let ReadError::Corrupt { position, .. } = &refusal else { panic!("{read:?}: {refusal:?}") };
        assert_eq!(*position, damaged.position, "{read:?}");
        let words = refusal.to_string();
        assert!(!words.contains("padding"), "the payload is in the error: {words}");
    }
    // What stands before it can still be read.
    let before = Read::all().up_to(damaged.position.before());
    let whole = read_pages(&store, before).await.unwrap();
    assert_eq!(whole.len() as u64, damaged.position.get() - 1);
    store.close();
    let refusal = SqliteStore::options().integrity(Integrity::Full).open(log_in(folder.path()));
    let refusal = refusal.unwrap_err().to_string();
    assert!(refusal.contains(&format!("position {} ", damaged.position)), "{refusal}");
}

#[tokio::test]
async fn flipped_bit_at_the_end_of_the_log_is_noticed_when_it_is_opened() {
    let folder = TempDir::new().unwrap();
    let events = write_log(folder.path()).await;
    damage_payload(folder.path(), &events[events.len() - 2]);
    for integrity in [Integrity::Tail, Integrity::Quick, Integrity::Full] {
        let options = SqliteStore::options().integrity(integrity);
        let refusal = options.open(log_in(folder.path())).unwrap_err();
        assert!(matches!(refusal, OpenError::Damaged { .. }), "{refusal:?}");
    }
}

/// Any bit of the file: the log is refused, or a read is, or nothing that can be read has changed.
#[tokio::test]
async fn flipped_bit_anywhere_never_changes_what_is_read() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = TempDir::new().unwrap();
    let events = write_log(folder.path()).await;
    let tags: Vec<Tag> = (0..5).map(|kind| Tag::new("kind", kind).unwrap()).collect();
    let whole = fs::read(log_in(folder.path())).unwrap();
    let (mut refused, mut unread) = (0, 0);
    for _ in 0..150 {
        let mut file = whole.clone();
        let (at, bit) = (random.random_range(0..file.len()), random.random_range(0..8));
        println!("byte {at}, bit {bit}");
        file[at] ^= 1 << bit;
        fs::write(log_in(folder.path()), &file).unwrap();
        let options = SqliteStore::options().readers(1).integrity(Integrity::Full);
        let Ok(store) = options.open(log_in(folder.path())) else {
            refused += 1;
            continue;
        };
        let Ok(read) = read_pages(&store, Read::all()).await else {
            unread += 1;
            continue;
        };
        assert!(read == events, "other events");
        for event in events.iter().step_by(7) {
            let own = read_pages(&store, Read::stream(event.stream.clone(), Sequence::ZERO)).await;
            let expected = events.iter().filter(|other| other.stream == event.stream);
            assert!(own.unwrap().iter().eq(expected), "another history of {}", event.stream);
        }
        for tag in &tags {
            let own = read_pages(&store, by_tag(tag)).await.unwrap();
            let expected = events.iter().filter(|event| event.tags.contains(tag));
            assert!(own.iter().eq(expected), "other events with {tag}");
        }
    }
    assert!(refused + unread > 50, "only {refused} logs and {unread} reads were refused");
}
