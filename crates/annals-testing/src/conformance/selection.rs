//! Which events a read selects.

use annals_core::{EventQuery, NewEvent, Page, Read, RecordedEvent, Sequence};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::harness::Harness;
use super::reading::{assert_page, read_log, read_page, read_pages, read_stream};
use super::sample::{acknowledged, new_log, pos, seq, unconditional};
use super::sampling::{pooled_stream, random_event, random_query, random_stream};

/// A read selects what [`EventQuery::matches`] says, whatever indexes the store uses.
///
/// Random logs and random queries over streams, types and tags, with random `after`, `up_to` and
/// limit; pages that are chained by `through` hold exactly the matching events.
///
/// # Panics
///
/// If the promise is broken.
pub async fn query_selects_exactly_what_matches(harness: &dyn Harness) {
    const QUERIES: usize = 250;
    let seed = harness.seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let log = new_log(harness).await;
    let store = log.store();
    let mut written: Vec<NewEvent> = Vec::new();
    for _ in 0..40 {
        let events: Vec<_> =
            (0..random.random_range(1..12)).map(|_| random_event(&mut random)).collect();
        written.extend(events.clone());
        let _ = acknowledged(&*store, unconditional(events)).await;
    }
    let recorded = read_log(&*store).await;
    assert_eq!(recorded.len(), written.len());
    for _ in 0..QUERIES {
        let read = random_read(&mut random, recorded.len());
        let page = read_page(&*store, read.clone()).await;
        assert_page(&recorded, &read, &page);
        let gathered = read_pages(&*store, read.clone()).await;
        assert_eq!(gathered, expected(&recorded, &read), "{read:?}");
    }
    let all = EventQuery::all();
    let Page { events, .. } = read_page(&*store, Read::query(all)).await;
    assert_eq!(events, recorded, "the query for everything leaves something out");
}

fn random_read(random: &mut StdRng, events: usize) -> Read {
    let events = events as u64;
    let read = if random.random_ratio(1, 3) {
        let after = random.random_range(0..events / 4);
        Read::stream(random_stream(random), seq(after))
    } else {
        Read::query(random_query(random))
    };
    let read = read.limit(random.random_range(1..60));
    let mut position = || pos(random.random_range(0..events + 3));
    let (after, up_to) = (position(), position());
    match random.random_range(0..4) {
        0 => read,
        1 => read.after(after),
        2 => read.up_to(up_to),
        _ => read.after(after.min(up_to)).up_to(up_to.max(after)),
    }
}

fn expected(log: &[RecordedEvent], read: &Read) -> Vec<RecordedEvent> {
    let is_selected = |event: &&RecordedEvent| {
        event.position > read.after_position()
            && event.position <= read.up_to_position()
            && read.selection().contains(event)
    };
    log.iter().filter(is_selected).cloned().collect()
}

/// A stream is read from behind any sequence, and holds nothing of its namesakes.
///
/// # Panics
///
/// If the promise is broken.
pub async fn stream_is_read_from_any_sequence(harness: &dyn Harness) {
    let mut random = StdRng::seed_from_u64(0);
    let log = new_log(harness).await;
    let store = log.store();
    for _ in 0..10 {
        let events = (0..9).map(|_| random_event(&mut random)).collect();
        let _ = acknowledged(&*store, unconditional(events)).await;
    }
    let recorded = read_log(&*store).await;
    for stream in (0..6).map(pooled_stream) {
        let own: Vec<_> = recorded.iter().filter(|e| e.stream == stream).cloned().collect();
        assert_eq!(read_stream(&*store, &stream).await, own);
        for known in (0..=own.len() + 2).map(|n| seq(n as u64)).chain([Sequence::MAX]) {
            let newer: Vec<_> = own.iter().filter(|e| e.sequence > known).cloned().collect();
            for limit in [1, 3, 1_000] {
                let read = Read::stream(stream.clone(), known).limit(limit);
                assert_page(&recorded, &read, &read_page(&*store, read.clone()).await);
                assert_eq!(read_pages(&*store, read).await, newer);
            }
        }
    }
}
