//! G10: pages.

use std::sync::Arc;

use annals_core::limits::{PAGE_BYTES_MAX, PAGE_EVENTS_DEFAULT, PAGE_EVENTS_MAX};
use annals_core::{BoxFuture, NewEvent, Page, Position, Read, RecordedEvent, Sequence};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use super::harness::Harness;
use super::race::race;
use super::reading::{assert_page, head, read_log, read_page, read_pages};
use super::sample::{
    acknowledged, event_of, event_type, events, json, new_log, of_type, pos, seq, stream,
    unconditional,
};

/// **G10** Reads are bounded pages in position order.
///
/// In events: the read's own limit, the default, and the highest there is, whatever is asked for.
/// With `after` and `up_to` anywhere, also the wrong way round and beyond the end.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g10_pages_are_bounded_and_in_order(harness: &dyn Harness) {
    let log = new_log(harness).await;
    let store = log.store();
    let empty = read_page(&*store, Read::all().after(pos(3))).await;
    assert_eq!(empty, Page { events: Vec::new(), through: pos(3), has_more: false });
    let [even, odd] = ["even", "odd"].map(stream);
    for batch in 0..6 {
        let events: Vec<NewEvent> = (0..900)
            .map(|n| {
                let name = if (batch * 900 + n) % 701 == 0 { "rare" } else { "happened" };
                event_of(if n % 2 == 0 { &even } else { &odd }, name, &[])
            })
            .collect();
        let _ = acknowledged(&*store, unconditional(events)).await;
    }
    let written = read_log(&*store).await;
    assert_eq!(written.len(), 5_400);
    let page = read_page(&*store, Read::all()).await;
    assert_eq!(page.events.len(), PAGE_EVENTS_DEFAULT, "the default limit was ignored");
    let page = read_page(&*store, Read::all().limit(usize::MAX)).await;
    assert_eq!(page.events.len(), PAGE_EVENTS_MAX, "the highest limit was ignored");
    let head = written.len() as u64;
    let places = [0, 1, 2, 700, 701, 702, 1_403, head - 1, head, head + 1];
    let places: Vec<Position> = places.map(pos).into_iter().chain([Position::MAX]).collect();
    let reads = [
        Read::all(),
        Read::query(of_type("rare")),
        Read::stream(odd.clone(), Sequence::ZERO),
        Read::stream(odd.clone(), seq(2_699)),
        Read::stream(odd.clone(), Sequence::MAX),
        Read::stream(stream("absent"), Sequence::ZERO),
    ];
    for read in reads {
        for after in &places {
            for up_to in &places {
                for limit in [0, 1, 8] {
                    let read = read.clone().after(*after).up_to(*up_to).limit(limit);
                    assert_page(&written, &read, &read_page(&*store, read.clone()).await);
                }
            }
        }
        let gathered = read_pages(&*store, read.clone().limit(333)).await;
        let selected = written.iter().filter(|event| read.selection().contains(event));
        assert!(gathered.iter().eq(selected), "the pages of {read:?} are not what it selects");
    }
}

/// **G10** A page is bounded in bytes, too.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g10_pages_are_bounded_in_bytes(harness: &dyn Harness) {
    const BYTES: usize = 1_000_000;
    let log = new_log(harness).await;
    let store = log.store();
    let own = stream("own");
    let large = json(&format!("\"{}\"", "x".repeat(BYTES)));
    for _ in 0..3 {
        let large = |_| NewEvent::new(own.clone(), event_type("grew"), 1, large.clone());
        let events = (0..7).map(large).collect::<Result<_, _>>().expect("within the limits");
        let _ = acknowledged(&*store, unconditional(events)).await;
    }
    let written = read_pages(&*store, Read::all()).await;
    assert_eq!(written.len(), 21);
    for read in [Read::all(), Read::stream(own, Sequence::ZERO)] {
        let page = read_page(&*store, read.clone()).await;
        // The page ends with the event that fills it, or before.
        let before_last = page.events.len().saturating_sub(1);
        let bytes: usize = page.events.iter().take(before_last).map(content_bytes).sum();
        assert!(bytes <= PAGE_BYTES_MAX, "a page of more than {bytes} bytes");
        assert!(page.has_more, "a page that was cut says that there is no more");
        assert_page(&written, &read, &page);
    }
}

fn content_bytes(event: &RecordedEvent) -> usize {
    event.payload.as_str().len() + event.metadata.as_str().len()
}

/// **G10** A page is one consistent view.
///
/// Pages taken while events are written, by queries whose matches are rare, must hold exactly what
/// matches up to `through`: a bound that is newer than the events would hide some for good.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g10_page_is_one_consistent_view(harness: &dyn Harness) {
    const WRITERS: usize = 3;
    const APPENDS: usize = 30;
    let seed = harness.seed();
    println!("seed {seed}");
    let log = new_log(harness).await;
    let (running, is_running) = watch::channel(WRITERS);
    let running = Arc::new(running);
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, Pages> {
        let (store, running) = (log.store(), Arc::clone(&running));
        Box::pin(async move {
            let own = stream(format!("{writer}"));
            for number in 0..APPENDS {
                let mut batch = events(&own, number % 2);
                batch.push(event_of(&own, if number % 3 == 0 { "rare" } else { "common" }, &[]));
                let _ = acknowledged(&*store, unconditional(batch)).await;
            }
            running.send_modify(|running| *running -= 1);
            Vec::new()
        })
    });
    let readers = (0..4).map(|reader| -> BoxFuture<'static, Pages> {
        let (store, is_running) = (log.store(), is_running.clone());
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(reader));
        Box::pin(async move {
            let mut pages = Vec::new();
            while *is_running.borrow() > 0 && pages.len() < 400 {
                let known = head(&*store).await;
                let after = pos(random.random_range(0..=known.get()));
                let read = match random.random_range(0..3) {
                    0 => Read::all(),
                    1 => Read::query(of_type("rare")),
                    _ => Read::stream(stream("1"), Sequence::ZERO),
                };
                let read = read.after(after).limit(random.random_range(1..20));
                let page = read_page(&*store, read.clone()).await;
                assert!(page.has_more || page.through >= known, "the end is behind the head");
                pages.push((read, page));
                tokio::task::yield_now().await;
            }
            pages
        })
    });
    let pages: Pages = race(writers.chain(readers)).await.into_iter().flatten().collect();
    let written = read_log(&*log.store()).await;
    for (read, page) in pages {
        let view = written.iter().filter(|event| {
            event.position > read.after_position()
                && event.position <= page.through
                && read.selection().contains(event)
        });
        assert!(
            page.events.iter().eq(view),
            "{read:?} gave {:?} through {}",
            page.events.iter().map(|event| event.position).collect::<Vec<_>>(),
            page.through
        );
    }
}

type Pages = Vec<(Read, Page)>;
