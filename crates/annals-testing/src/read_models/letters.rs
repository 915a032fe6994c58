//! Dead letters: what stands still, and what is done about it.

use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, BlockedStream, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, Drain, EventType, GenerationKey, Hosts, NewDeadLetter, Partition,
    QueuedEvent,
};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    Changes, PARTITIONS, SampleLog, Scene, Worked, apply, create, fours, id_in, is_not_found, pos,
    serve, stream,
};

/// What kind of event is at a position, as far as letters are told: each is of its own.
pub(crate) fn kind(position: u64) -> EventType {
    EventType::new(format!("added_{position}")).expect("the sample's name is valid")
}

pub(crate) fn queued_event(letter: DeadLetterId, position: u64) -> QueuedEvent {
    QueuedEvent { letter, position: pos(position), event_type: kind(position) }
}

pub(crate) fn new_letter(id: &str, position: u64, attempts: u32) -> NewDeadLetter {
    NewDeadLetter {
        stream: stream(id),
        position: pos(position),
        event_type: kind(position),
        error: format!("cannot apply {position}: it's \"spoilt\""),
        attempts,
    }
}

pub(super) async fn park(scene: &Scene, worked: &Worked, id: &str, position: u64) -> DeadLetterId {
    let letter = new_letter(id, position, 3);
    scene.models.park(worked.lease_of(id), letter).await.expect("the lease is held")
}

pub(crate) async fn blocked(
    models: &dyn ReadModelsUnderTest,
    key: &GenerationKey,
) -> Vec<BlockedStream> {
    let all = Partition::all(PARTITIONS).collect();
    models.blocked_streams(key, all).await.expect("a healthy database tells what stands still")
}

pub(super) async fn tell(scene: &Scene, letter: DeadLetterId) -> DeadLetter {
    scene.models.dead_letter(letter).await.expect("there is such a letter")
}

pub(super) async fn ask(scene: &Scene, letter: DeadLetterId, request: DeadLetterRequest) {
    scene.models.request(letter, request).await.expect("the letter blocks a stream");
}

pub(super) fn retry() -> DeadLetterRequest {
    DeadLetterRequest::Retry { by: "ann".to_owned() }
}

pub(super) fn discard() -> DeadLetterRequest {
    DeadLetterRequest::Discard { by: "o'bob".to_owned(), why: "it was a \"test\"".to_owned() }
}

pub(crate) async fn drain(
    models: &dyn ReadModelsUnderTest,
    changes: Arc<Changes>,
    drain: Drain,
) -> Result<(), ApplyError> {
    Hosts::drain(models, fours(), changes, drain).await
}

/// An event that is parked stops its stream and no other; what stands still is told by partition
/// and position, and counted.
///
/// # Panics
///
/// If the promise is broken.
pub async fn parked_event_blocks_its_stream_only(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    let ids = [0, 1, 2].map(id_in);
    let [zero, one, two] = ids.each_ref().map(String::as_str);
    scene.log = SampleLog::of(&[one, zero, two, zero, "x"]);
    assert_eq!(blocked(&*scene.models, worked.key()).await, []);
    let last = park(&scene, &worked, two, 3).await;
    let middle = park(&scene, &worked, one, 1).await;
    let first = park(&scene, &worked, zero, 2).await;

    let expect = |id, letter, position| BlockedStream {
        stream: stream(id),
        letter,
        position: pos(position),
        request: None,
    };
    let all = [expect(zero, first, 2), expect(one, middle, 1), expect(two, last, 3)];
    assert_eq!(blocked(&*scene.models, worked.key()).await, all);
    let some = vec![Partition::new(2), Partition::new(0)];
    let some = scene.models.blocked_streams(worked.key(), some).await;
    let [of_zero, _, of_two] = all;
    assert_eq!(some.expect("a healthy database answers"), [of_zero, of_two]);

    let letter = tell(&scene, middle).await;
    let told = new_letter(one, 1, 3);
    assert_eq!((letter.id, &letter.generation), (middle, worked.key()));
    assert_eq!((letter.partition, letter.stream), (Partition::new(1), told.stream));
    assert_eq!((letter.position, letter.event_type), (told.position, told.event_type));
    assert_eq!((letter.error, letter.attempts), (told.error, told.attempts));
    assert_eq!((letter.queued, letter.request, letter.discarded_at), (0, None, None));

    let queued = vec![queued_event(first, 4)];
    let is_free = |id: &str| id == "x";
    let (changes, advance) =
        scene.log.advance_among(&worked.leases, 5, |event| is_free(event.stream.aggregate_id()));
    let outcome = apply(&*scene.models, changes, Advance { queued, ..advance }).await;
    outcome.expect("the other streams flow on");
    assert_eq!(scene.sums().await, scene.log.fold([5]));
    let status = scene.models.status(worked.key()).await.expect("the status is told");
    let counts: Vec<_> =
        status.partitions.iter().map(|here| (here.dead_letters, here.queued)).collect();
    assert_eq!(counts, [(1, 1), (1, 0), (1, 0), (0, 0)], "letters and queued events");
}

/// Parking again, because it is not known whether it was parked or because a retry failed, leaves
/// one letter that counts the attempts on; parking needs the lease.
///
/// # Panics
///
/// If the promise is broken.
pub async fn parking_again_is_the_same_letter(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "a"]);
    let letter = park(&scene, &worked, "a", 1).await;
    let first = tell(&scene, letter).await;
    ask(&scene, letter, retry()).await;
    let other = scene.database.open().await;
    let new = NewDeadLetter { error: "still bad".to_owned(), ..new_letter("a", 1, 2) };
    let again = other.park(worked.lease_of("a"), new).await.expect("the lease is held");
    assert_eq!(again, letter, "the stream already stood still");
    let told = tell(&scene, letter).await;
    assert_eq!((told.attempts, told.error.as_str(), told.request), (5, "still bad", None));
    assert_eq!(told.since, first.since, "it has stood still since then");
    assert!(told.last_attempt_at >= first.last_attempt_at);
    assert_eq!(blocked(&*scene.models, worked.key()).await.len(), 1);

    for token in [-1, 1] {
        let mut lease = worked.lease_of("b").clone();
        lease.fencing_token = lease.fencing_token.saturating_add_signed(token);
        let refused = scene.models.park(&lease, new_letter("b", 2, 1)).await;
        assert!(matches!(refused, Err(ApplyError::Fenced)), "{refused:?} without the lease");
    }
    assert_eq!(blocked(&*scene.models, worked.key()).await.len(), 1, "parked without the lease");
}

/// Lists go page by page through all letters, oldest first, each once, of one projection or all,
/// those that block or those that were discarded; also when a page's last letter is gone meanwhile.
///
/// # Panics
///
/// If the promise is broken.
pub async fn dead_letters_are_listed_oldest_first(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    let ids: Vec<String> = (0..11).map(|number| format!("stream {number}")).collect();
    let mut letters = Vec::new();
    for id in &ids {
        let position = scene.log.add(id, 1);
        letters.push(park(&scene, &worked, id, position).await);
    }
    // A letter that is parked again is as old as before, one in another generation is a letter too.
    park(&scene, &worked, "stream 3", 4).await;
    let second = create(&*scene.models).await;
    let second = Worked::new(&*scene.models, &second).await;
    letters.push(park(&scene, &second, "stream 0", 1).await);

    let all = DeadLetterQuery { limit: 100, ..DeadLetterQuery::default() };
    for limit in [1, 4, 6, 11, 12, 13, 1_000_000] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = DeadLetterQuery { after, limit, ..all.clone() };
            let page = scene.models.dead_letters(query).await.expect("letters are listed");
            assert!(page.len() <= limit, "{} letters, at most {limit}", page.len());
            found.extend(page.iter().map(|letter| letter.id));
            match page.last() {
                Some(last) if page.len() == limit => after = Some(last.id),
                _ => break,
            }
        }
        assert_eq!(found, letters, "in pages of {limit}");
    }
    for (projection, count) in [("sums_4", 12), ("sums_1", 0)] {
        let query = DeadLetterQuery { projection: Some(projection.to_owned()), ..all.clone() };
        let found = scene.models.dead_letters(query).await.expect("letters are listed");
        assert_eq!(found.len(), count, "letters of {projection}");
    }

    let (older, younger) = letters.split_at(5);
    let gone = *older.last().expect("there are five");
    ask(&scene, gone, discard()).await;
    let discarding = Drain {
        lease: worked.lease_of("stream 4").clone(),
        letter: gone,
        through: pos(5),
        applied: 0,
        is_discard: true,
    };
    let outcome = drain(&*scene.models, Arc::default(), discarding).await;
    outcome.expect("somebody asked for it");
    let query = DeadLetterQuery { after: Some(gone), ..all };
    for (is_discarded, after, expected) in [(false, Some(gone), younger), (true, None, &[gone][..])]
    {
        let query = DeadLetterQuery { is_discarded, after, ..query.clone() };
        let found = scene.models.dead_letters(query).await.expect("letters are listed");
        let found: Vec<_> = found.iter().map(|letter| letter.id).collect();
        assert_eq!(found, expected, "discarded ones: {is_discarded}");
    }
}

/// Who asks for a letter that is not there, or does something about one that blocks nothing any
/// more, is told so; and letters go with their generation.
///
/// # Panics
///
/// If the promise is broken.
pub async fn letters_that_are_gone_are_not_found(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "c"]);
    let discarded = park(&scene, &worked, "a", 1).await;
    ask(&scene, discarded, discard()).await;
    let drained = park(&scene, &worked, "b", 2).await;
    for (letter, id, position, is_discard) in [(discarded, "a", 1, true), (drained, "b", 2, false)]
    {
        let lease = worked.lease_of(id).clone();
        let taken = Drain { lease, letter, through: pos(position), applied: 0, is_discard };
        let outcome = drain(&*scene.models, Arc::default(), taken).await;
        outcome.expect("the lease is held");
    }
    let request = scene.models.request(discarded, retry()).await;
    assert!(is_not_found(&request), "{request:?} for one that blocks nothing any more");
    let queued = scene.models.queued_events(discarded, 10).await;
    assert!(is_not_found(&queued), "{queued:?} for one that blocks nothing any more");
    let retired = park(&scene, &worked, "c", 3).await;
    let next = create(&*scene.models).await;
    serve(&*scene.models, &next).await;
    scene.models.retire(worked.key()).await.expect("one that does not serve can be retired");

    for (what, letter) in [("discarded", discarded), ("drained", drained), ("retired", retired)]
        .into_iter()
        .chain([("unknown", DeadLetterId::new())])
    {
        let request = scene.models.request(letter, retry()).await;
        assert!(is_not_found(&request), "{request:?} for one that is {what}");
        let queued = scene.models.queued_events(letter, 10).await;
        assert!(is_not_found(&queued), "{queued:?} for one that is {what}");
        let told = scene.models.dead_letter(letter).await;
        assert!(is_not_found(&told), "{told:?} for one that is {what}");
    }
    let query = DeadLetterQuery { limit: 10, ..DeadLetterQuery::default() };
    assert_eq!(scene.models.dead_letters(query).await.expect("letters are listed"), []);
}
