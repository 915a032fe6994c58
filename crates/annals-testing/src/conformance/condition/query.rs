//! "Nothing matching this query after this position."

use std::sync::Arc;

use annals_core::{
    AppendCondition, AppendError, BoxFuture, EventQuery, EventStore, NewEvent, Position, QueryItem,
    Read, RecordedEvent,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::harness::Harness;
use super::super::race::race;
use super::super::reading::{head, read_log, read_pages};
use super::super::sample::{
    acknowledged, conditional, event_of, event_type, new_log, pos, seq, stream, tag,
};
use super::super::sampling::{random_event, random_query};
use super::race_for_one_winner;

/// **G5** The query condition fails if, and only if, an event after the known position matches.
///
/// Random queries over streams, types, tags and unions of them, with known positions from the
/// beginning of the log to beyond its end.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g5_query_condition_sees_all_that_is_new(harness: &dyn Harness) {
    const APPENDS: usize = 400;
    let seed = harness.seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let log = new_log(harness).await;
    let store = log.store();
    let mut written: Vec<RecordedEvent> = Vec::new();
    for _ in 0..APPENDS {
        let query = random_query(&mut random);
        let after = random_position(&mut random, written.len());
        let append = conditional(
            vec![random_event(&mut random)],
            AppendCondition::default().nothing_new(query.clone(), after),
        );
        let new: Vec<_> = written
            .iter()
            .filter(|event| event.position > after && query.matches(event))
            .map(|event| event.position)
            .collect();
        match store.append(append).await {
            Ok(appended) => {
                assert_eq!(new, [], "{query:?} after {after} matches, and the append was written");
                let last = Read::all().after(appended.first_position.before());
                written.extend(read_pages(&*store, last).await);
            }
            Err(AppendError::ConditionFailed { at }) => {
                assert!(new.contains(&at), "{at} is not one of {new:?}: {query:?} after {after}");
            }
            Err(error) => panic!("{query:?} after {after}: {error:?}"),
        }
    }
    assert_eq!(read_log(&*store).await, written);
    both_kinds_of_condition_must_hold(&*store).await;
}

/// Mostly near the end, where a decision usually looks; sometimes anywhere or beyond the end.
fn random_position(random: &mut StdRng, head: usize) -> Position {
    let head = head as u64;
    match random.random_range(0..10) {
        0 => Position::ZERO,
        1 => pos(head + random.random_range(1..5)),
        2 => Position::MAX,
        3..6 => pos(random.random_range(0..=head)),
        _ => pos(head - random.random_range(0..=head.min(5))),
    }
}

async fn both_kinds_of_condition_must_hold(store: &dyn EventStore) {
    let own = stream("both");
    let query = || named("both", &[]);
    let known = head(store).await;
    let right = |sequence: u64, after: Position| {
        AppendCondition::default()
            .expect_sequence(own.clone(), seq(sequence))
            .nothing_new(query(), after)
    };
    let append = |condition| conditional(vec![event_of(&own, "both", &[])], condition);
    let first = acknowledged(store, append(right(0, known))).await.last_position();
    let outdated_query = store.append(append(right(1, known))).await;
    assert!(
        matches!(outdated_query, Err(AppendError::ConditionFailed { at }) if at == first),
        "{outdated_query:?}"
    );
    let outdated_sequence = store.append(append(right(0, first))).await;
    assert!(
        matches!(outdated_sequence, Err(AppendError::Conflict { .. })),
        "{outdated_sequence:?}"
    );
    let _ = acknowledged(store, append(right(1, first))).await;
}

fn named(name: &str, tags: &[&str]) -> EventQuery {
    union([tags
        .iter()
        .fold(QueryItem::new().event_type(event_type(name)), |item, text| item.tag(tag(text)))])
}

fn union(items: impl IntoIterator<Item = QueryItem>) -> EventQuery {
    EventQuery::any_of(items).expect("the samples are within the limits")
}

/// **G5** Of any number of racers on one boundary, exactly one wins: query conditions.
///
/// Boundaries by type, by tag, by both, by stream, by a union, and crosswise, where each racer's
/// event is what the other must not find. Then racers that read at their own pace: a limited number
/// of seats is never exceeded.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g5_racers_on_one_query_have_one_winner(harness: &dyn Harness) {
    const RACERS: usize = 8;
    const ROUNDS: usize = 3;
    let log = new_log(harness).await;
    let store = log.store();
    for round in 0..ROUNDS {
        let own = stream(format!("own-{round}"));
        let claimed = format!("claimed-{round}");
        let name = format!("name:{round}");
        let boundaries = [
            named(&claimed, &[]),
            union([QueryItem::new().tag(tag(&name))]),
            named(&claimed, &[&name]),
            union([QueryItem::new().stream(own.clone())]),
            union([
                QueryItem::new().event_type(event_type("never")),
                QueryItem::new().stream(own.clone()).tag(tag(&name)),
            ]),
            EventQuery::all(),
        ];
        for boundary in boundaries {
            let condition = AppendCondition::default().nothing_new(boundary, head(&*store).await);
            let events = vec![event_of(&own, &claimed, &[&name, "kind:claim"])];
            let append = conditional(events, condition);
            let _ = race_for_one_winner(&store, vec![append; RACERS]).await;
        }
        let known = head(&*store).await;
        let crosswise = (0..RACERS).map(|racer| {
            let event = event_of(&own, "crossed", &[&format!("racer:{racer}")]);
            let others = (0..RACERS).filter(|other| *other != racer);
            let others = others.map(|other| QueryItem::new().tag(tag(&format!("racer:{other}"))));
            let condition = AppendCondition::default().nothing_new(union(others), known);
            conditional(vec![event], condition)
        });
        let crosswise = crosswise.collect();
        let _ = race_for_one_winner(&store, crosswise).await;
    }
    seats_are_never_overbooked(&store).await;
    read_log(&*store).await;
}

/// Decisions with positions read at different times: the count and the position it is true for
/// come from one page.
async fn seats_are_never_overbooked(store: &Arc<dyn EventStore>) {
    const SEATS: usize = 10;
    let racers = (0..16).map(|racer| -> BoxFuture<'static, ()> {
        let store = Arc::clone(store);
        Box::pin(async move {
            let own = stream(format!("guest-{racer}"));
            let query = || named("seat_taken", &["hall:one"]);
            loop {
                let page = store.read(Read::query(query())).await.expect("it can be read");
                assert!(page.events.len() <= SEATS, "more seats were taken than there are");
                if page.events.len() == SEATS {
                    return;
                }
                // Let others read the same, and let them overtake.
                for _ in 0..racer % 4 {
                    tokio::task::yield_now().await;
                }
                let taken: Vec<NewEvent> = vec![event_of(&own, "seat_taken", &["hall:one"])];
                let condition = AppendCondition::default().nothing_new(query(), page.through);
                match store.append(conditional(taken, condition)).await {
                    Ok(_) | Err(AppendError::ConditionFailed { .. }) => {}
                    Err(error) => panic!("a healthy store answers: {error:?}"),
                }
            }
        })
    });
    race(racers).await;
    let taken = read_pages(&**store, Read::query(named("seat_taken", &["hall:one"]))).await;
    assert_eq!(taken.len(), SEATS);
}
