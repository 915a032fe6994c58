//! What is queued behind a dead letter, and how it is taken off.

use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, BlockedStream, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, Drain, Position,
};

use super::harness::ReadModelHarness;
use super::letters::{ask, blocked, discard, drain, kind, park, queued_event, retry, tell};
use super::sample::{
    SampleLog, Scene, Worked, apply, changes, is_fenced, is_not_found, is_rejected, pos, stream,
};
use super::sums::SumEvent;

async fn queue(scene: &Scene, letter: DeadLetterId, limit: usize) -> Vec<u64> {
    let queue = scene.models.queued_events(letter, limit).await;
    let queue = queue.expect("the letter blocks a stream");
    queue.into_iter().map(Position::get).collect()
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
            let queued = queued.map(|at| queued_event(letter, at)).collect();
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

    /// The letter is about an event whose turn has come, and that nobody has tried.
    async fn assert_is_untried(&self, position: u64) {
        let told = tell(&self.scene, self.letter).await;
        let (of, says) = ((told.position, told.event_type), (&*told.error, told.attempts));
        assert_eq!(of, (pos(position), kind(position)), "another event, of another kind");
        assert_eq!(says, (DeadLetter::NOT_TRIED, 0), "what is told is of the event before");
    }

    async fn applied(&self) -> u64 {
        let status = self.scene.models.status(self.worked.key()).await;
        let partitions = status.expect("the status is told").partitions;
        partitions.iter().map(|partition| partition.applied).sum()
    }
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
        still.assert_is_untried(next).await;
        assert_eq!(tell(&still.scene, still.letter).await.queued, queued.len() as u64);
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
    still.assert_is_untried(4).await;
    still.drain(&[4, 5, 8]).await.expect("the lease is held");
    assert_eq!(still.blocked().await, []);
    assert_eq!(still.scene.sums().await, still.scene.log.fold([1, 3, 4, 5, 6, 7, 8]));
    let status = still.scene.models.status(still.worked.key()).await.expect("it is told");
    assert!(status.partitions.iter().all(|here| (here.dead_letters, here.queued) == (0, 0)));
}

/// A request to discard is for the event it was made for: it stays if that event is tried once more
/// without success, and turns into one to retry when the letter comes to be about the next event.
///
/// # Panics
///
/// If the promise is broken.
pub async fn request_to_discard_is_for_one_event(harness: &dyn ReadModelHarness) {
    let still = Standstill::new(harness).await;
    let park_again = async || {
        let again = park(&still.scene, &still.worked, "a", 2).await;
        assert_eq!(again, still.letter, "the stream already stood still");
        tell(&still.scene, still.letter).await.request
    };
    ask(&still.scene, still.letter, discard()).await;
    assert_eq!(park_again().await, Some(discard()), "it came while the event was being tried");
    ask(&still.scene, still.letter, retry()).await;
    assert_eq!(park_again().await, None, "the retry has been followed");

    ask(&still.scene, still.letter, discard()).await;
    still.drain(&[2]).await.expect("the lease is held, and the event was applied after all");
    let blocked = still.blocked().await;
    let [now] = blocked.as_slice() else { panic!("one stream stands still, not {blocked:?}") };
    assert_eq!((now.letter, now.position), (still.letter, pos(4)));
    let is_retry = matches!(&now.request, Some(DeadLetterRequest::Retry { by }) if by == "o'bob");
    assert!(is_retry, "{now:?} though nobody has seen the next event");
    let refused = Drain { is_discard: true, ..still.through(4, 0) };
    let refused = drain(&*still.scene.models, Arc::default(), refused).await;
    assert!(is_fenced(&refused), "{refused:?} for a discard nobody asked for");
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
