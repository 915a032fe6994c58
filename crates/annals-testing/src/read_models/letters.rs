//! Dead letters: what stands still, and what is done about it.

use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, BlockedStream, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, Drain, EventType, GenerationKey, Hosts, NewDeadLetter, Partition, Position,
    QueuedEvent,
};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    Changes, PARTITIONS, SampleLog, Scene, Worked, apply, changes, create, fours, id_in, is_fenced,
    is_not_found, is_rejected, pos, serve, stream,
};
use super::sums::SumEvent;

pub(crate) fn new_letter(id: &str, position: u64, attempts: u32) -> NewDeadLetter {
    NewDeadLetter {
        stream: stream(id),
        position: pos(position),
        event_type: EventType::new("added").expect("the sample's name is valid"),
        error: format!("cannot apply {position}: it's \"spoilt\""),
        attempts,
    }
}

async fn park(scene: &Scene, worked: &Worked, id: &str, position: u64) -> DeadLetterId {
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

async fn queue(scene: &Scene, letter: DeadLetterId, limit: usize) -> Vec<u64> {
    let queue = scene.models.queued_events(letter, limit).await;
    let queue = queue.expect("the letter blocks a stream");
    queue.into_iter().map(Position::get).collect()
}

async fn tell(scene: &Scene, letter: DeadLetterId) -> DeadLetter {
    scene.models.dead_letter(letter).await.expect("there is such a letter")
}

async fn ask(scene: &Scene, letter: DeadLetterId, request: DeadLetterRequest) {
    scene.models.request(letter, request).await.expect("the letter blocks a stream");
}

fn retry() -> DeadLetterRequest {
    DeadLetterRequest::Retry { by: "ann".to_owned() }
}

fn discard() -> DeadLetterRequest {
    DeadLetterRequest::Discard { by: "o'bob".to_owned(), why: "it was a \"test\"".to_owned() }
}

pub(crate) async fn drain(
    models: &dyn ReadModelsUnderTest,
    changes: Arc<Changes>,
    drain: Drain,
) -> Result<(), ApplyError> {
    Hosts::drain(models, fours(), changes, drain).await
}

/// A stream `a` that stands still at 2, with 4, 5 and 8 queued; all others flow.
struct Standstill {
    scene: Scene,
    worked: Worked,
    letter: DeadLetterId,
}

impl Standstill {
    async fn new(harness: &dyn ReadModelHarness) -> Self {
        let (mut scene, mut worked) = Scene::serving(harness).await;
        scene.log = SampleLog::of(&["a", "a", "b", "a", "a", "c", "d", "a"]);
        worked.apply(&*scene.models, &scene.log, 1).await;
        let letter = park(&scene, &worked, "a", 2).await;
        for (to, queued) in [(4, vec![4]), (8, vec![8, 5])] {
            let (changes, advance) =
                scene.log.advance_among(&worked.leases, to, |event| event.stream != stream("a"));
            let queued = queued.into_iter();
            let queued = queued.map(|at| QueuedEvent { letter, position: pos(at) }).collect();
            let outcome = apply(&*scene.models, changes, Advance { queued, ..advance }).await;
            outcome.expect("the other streams flow on");
            worked.moved(&scene.log, to);
        }
        Self { scene, worked, letter }
    }

    /// Applies the events at `positions` and takes everything through the last off the queue.
    async fn drain(&self, positions: &[u64]) -> Result<(), ApplyError> {
        let events = positions.iter().map(|position| self.scene.log.event(*position).clone());
        let through = positions.last().copied().unwrap_or_default();
        drain(&*self.scene.models, changes(events), self.through(through, positions.len())).await
    }

    fn through(&self, through: u64, applied: usize) -> Drain {
        Drain {
            lease: self.worked.lease_of("a").clone(),
            letter: self.letter,
            through: pos(through),
            applied: applied as u64,
            is_discard: false,
        }
    }

    async fn blocked(&self) -> Vec<BlockedStream> {
        blocked(&*self.scene.models, self.worked.key()).await
    }

    async fn applied(&self) -> u64 {
        let status = self.scene.models.status(self.worked.key()).await;
        let partitions = status.expect("the status is told").partitions;
        partitions.iter().map(|partition| partition.applied).sum()
    }
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

    let queued = vec![QueuedEvent { letter: first, position: pos(4) }];
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

/// Later events of the stream queue up in the order of the log, whenever they came.
///
/// # Panics
///
/// If the promise is broken.
pub async fn events_queue_up_in_order(harness: &dyn ReadModelHarness) {
    let still = Standstill::new(harness).await;
    for (limit, expected) in
        [(10, &[4, 5, 8][..]), (3, &[4, 5, 8]), (2, &[4, 5]), (1, &[4]), (0, &[])]
    {
        assert_eq!(queue(&still.scene, still.letter, limit).await, expected, "at most {limit}");
    }
    assert_eq!(tell(&still.scene, still.letter).await.queued, 3);
    assert_eq!(still.scene.sums().await, still.scene.log.fold([1, 3, 6, 7]));
    assert_eq!(still.applied().await, 4, "queued events are not applied");
}

/// A queue is drained in as many steps as one likes, in order, each event once; the letter is about
/// the next event meanwhile, and gone at the end.
///
/// # Panics
///
/// If the promise is broken.
pub async fn queue_is_drained_in_chunks(harness: &dyn ReadModelHarness) {
    let still = Standstill::new(harness).await;
    ask(&still.scene, still.letter, retry()).await;
    let steps: [(&[u64], u64, &[u64]); 2] = [(&[2], 4, &[5, 8]), (&[4, 5], 8, &[])];
    let mut done = vec![1, 3, 6, 7];
    for (positions, next, queued) in steps {
        still.drain(positions).await.expect("the lease is held");
        done.extend(positions);
        let mut blocked = still.blocked().await;
        let now = blocked.pop().expect("the stream stands still until the queue is empty");
        assert_eq!((now.letter, now.position), (still.letter, pos(next)));
        assert_eq!(now.request, Some(retry()), "the request stays until it has been followed");
        assert_eq!(queue(&still.scene, still.letter, 10).await, queued);
        let told = tell(&still.scene, still.letter).await;
        assert_eq!((told.position, told.queued), (pos(next), queued.len() as u64));
        assert_eq!(still.scene.sums().await, still.scene.log.fold(done.iter().copied()));
        assert_eq!(still.applied().await, done.len() as u64);
    }
    still.drain(&[8]).await.expect("the lease is held");
    assert_eq!(still.blocked().await, [], "the stream flows again");
    assert!(is_not_found(&still.scene.models.dead_letter(still.letter).await), "it is gone");
    assert_eq!(still.scene.sums().await, still.scene.log.fold(1..=8));
    assert_eq!(still.applied().await, 8);
}

/// A drain that is repeated, because it is not known whether it was written, is written once; and
/// nobody drains without the lease.
///
/// # Panics
///
/// If the promise is broken.
pub async fn repeated_drain_is_written_once(harness: &dyn ReadModelHarness) {
    let still = Standstill::new(harness).await;
    for token in [-1, 1] {
        let mut stale = still.through(2, 1);
        stale.lease.fencing_token = stale.lease.fencing_token.saturating_add_signed(token);
        let event = still.scene.log.event(2).clone();
        let outcome = drain(&*still.scene.models, changes([event]), stale).await;
        assert!(is_fenced(&outcome), "{outcome:?} without the lease");
    }
    assert_eq!(still.scene.sums().await, still.scene.log.fold([1, 3, 6, 7]));
    let mut done = vec![1, 3, 6, 7];
    for positions in [&[2, 4][..], &[5, 8]] {
        still.drain(positions).await.expect("the lease is held");
        done.extend(positions);
        let before = (still.blocked().await, still.applied().await);
        let outcome = still.drain(positions).await;
        assert!(is_fenced(&outcome), "{outcome:?} for a repeat of {positions:?}");
        assert_eq!(still.scene.sums().await, still.scene.log.fold(done.iter().copied()));
        assert_eq!((still.blocked().await, still.applied().await), before);
    }
}

/// Changes that cannot be made leave rows, queue and counts as they were.
///
/// # Panics
///
/// If the promise is broken.
pub async fn rejected_drain_leaves_no_trace(harness: &dyn ReadModelHarness) {
    let mut still = Standstill::new(harness).await;
    ask(&still.scene, still.letter, retry()).await;
    let before = (still.blocked().await, still.applied().await);
    let spoilt = still.scene.log.push("a", SumEvent::Spoilt);
    let events = [2, 4, spoilt].map(|position| still.scene.log.event(position).clone());
    let outcome = drain(&*still.scene.models, changes(events), still.through(5, 3)).await;
    assert!(is_rejected(&outcome), "{outcome:?} for an event that makes no sense");
    assert_eq!((still.blocked().await, still.applied().await), before);
    assert_eq!(queue(&still.scene, still.letter, 10).await, [4, 5, 8]);
    assert_eq!(still.scene.sums().await, still.scene.log.fold([1, 3, 6, 7]));
}

/// A discarded event is left out, what is queued behind it is to be retried, and who discarded it,
/// why and when is remembered; but only if somebody asked for it.
///
/// # Panics
///
/// If the promise is broken.
pub async fn discarded_event_is_left_out_and_remembered(harness: &dyn ReadModelHarness) {
    let still = Standstill::new(harness).await;
    let discarding = Drain { is_discard: true, ..still.through(2, 0) };
    for request in [None, Some(retry())] {
        if let Some(request) = request {
            ask(&still.scene, still.letter, request).await;
        }
        let outcome = drain(&*still.scene.models, Arc::default(), discarding.clone()).await;
        assert!(is_fenced(&outcome), "{outcome:?} for a discard nobody asked for");
    }
    ask(&still.scene, still.letter, discard()).await;
    let outcome = drain(&*still.scene.models, Arc::default(), discarding).await;
    outcome.expect("somebody asked for it");
    assert_eq!(still.scene.sums().await, still.scene.log.fold([1, 3, 6, 7]), "it is left out");

    let query = DeadLetterQuery { is_discarded: true, limit: 10, ..DeadLetterQuery::default() };
    let discarded = still.scene.models.dead_letters(query).await.expect("letters are listed");
    let [told] = discarded.as_slice() else { panic!("one was discarded, not {discarded:?}") };
    assert_eq!((told.id, &told.stream, told.position), (still.letter, &stream("a"), pos(2)));
    assert_eq!((told.request.clone(), told.queued), (Some(discard()), 0));
    assert!(told.discarded_at.is_some(), "nobody says when");
    assert_eq!(tell(&still.scene, still.letter).await, *told, "it can be shown");

    let mut rest = still.blocked().await;
    let rest = rest.pop().expect("the stream stands still until the queue is empty");
    assert_eq!((&rest.stream, rest.position), (&stream("a"), pos(4)));
    assert!(matches!(rest.request, Some(DeadLetterRequest::Retry { .. })), "{rest:?}");
    assert_ne!(rest.letter, still.letter, "what was discarded blocks nothing");
    assert_eq!(queue(&still.scene, rest.letter, 10).await, [5, 8]);
    let still = Standstill { letter: rest.letter, ..still };
    still.drain(&[4, 5, 8]).await.expect("the lease is held");
    assert_eq!(still.blocked().await, []);
    assert_eq!(still.scene.sums().await, still.scene.log.fold([1, 3, 4, 5, 6, 7, 8]));
    let status = still.scene.models.status(still.worked.key()).await.expect("it is told");
    assert!(status.partitions.iter().all(|here| (here.dead_letters, here.queued) == (0, 0)));
}

/// What somebody asks through another handle is seen by the worker; the last request counts.
///
/// # Panics
///
/// If the promise is broken.
pub async fn requests_of_others_are_seen(harness: &dyn ReadModelHarness) {
    let still = Standstill::new(harness).await;
    let operator = still.scene.database.open().await;
    for request in [retry(), discard(), retry()] {
        operator.request(still.letter, request.clone()).await.expect("it blocks a stream");
        let blocked = still.blocked().await;
        let seen: Vec<_> = blocked.into_iter().map(|blocked| blocked.request).collect();
        assert_eq!(seen, [Some(request.clone())]);
        assert_eq!(tell(&still.scene, still.letter).await.request, Some(request));
    }
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
