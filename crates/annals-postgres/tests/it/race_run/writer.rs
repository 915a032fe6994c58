//! A process that writes.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, CommandId, EventQuery, EventStore, NewEvent, Position,
    QueryItem, Sequence, Tag,
};
use annals_postgres::PostgresStore;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::process::{order, say_acknowledged};
use crate::hostile::block_on;
use crate::load::{append, event, stream};

/// The payload of events that must not get into the log.
pub(super) const DOOMED: &str = "doomed";

/// Callers of one process.
const CALLERS: usize = 12;

/// Streams that all processes write to.
const SHARED: usize = 3;

/// Appends until it is told to end, and says what was acknowledged.
pub(crate) fn play(url: &str) {
    let order = order();
    block_on(async {
        let store = Arc::new(super::open(url).await);
        let callers = (0..CALLERS).map(|_| {
            let (store, order) = (Arc::clone(&store), Arc::clone(&order));
            tokio::spawn(async move {
                let mut caller = Caller::new();
                while order.get().is_none() {
                    caller.call(&store).await;
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        for caller in callers {
            caller.await.expect("a caller does not panic");
        }
    });
}

/// Somebody with streams of its own.
struct Caller {
    random: StdRng,
    name: String,
    written: u64,
}

impl Caller {
    fn new() -> Self {
        // The id of a command is as good a name as any, and nobody else has it.
        let name = CommandId::new().to_string();
        Self { random: StdRng::seed_from_u64(rand::random()), name, written: 0 }
    }

    async fn call(&mut self, store: &PostgresStore) {
        match self.random.random_range(0..20) {
            0 => self.append_doomed(store).await,
            1..4 => self.append_shared(store).await,
            4..6 => self.claim(store).await,
            _ => self.append_own(store).await,
        }
    }

    /// The usual: the next events of a stream that nobody else writes to.
    async fn append_own(&mut self, store: &PostgresStore) {
        let count = self.random.random_range(1..4_u64);
        let expected = Sequence::new(self.written).expect("it is small");
        let condition = AppendCondition::default().expect_sequence(stream(&self.name), expected);
        let id = CommandId::new();
        let events = (0..count).map(|_| event(&self.name, &format!("\"{id}\"")));
        let append = append(events.collect(), condition, Some(id));
        let is_written = self.until_known(store, append, id).await;
        assert!(is_written, "somebody else wrote to a stream of mine, or I did so twice");
        self.written += count;
    }

    /// Without a condition, on a stream that everybody writes to.
    async fn append_shared(&mut self, store: &PostgresStore) {
        let id = CommandId::new();
        let shared = format!("shared-{}", self.random.random_range(0..SHARED));
        let events = vec![event(&shared, &format!("\"{id}\""))];
        let append = append(events, AppendCondition::default(), Some(id));
        assert!(self.until_known(store, append, id).await, "nothing was asked for");
    }

    /// A name that only one of all can have; others race for it.
    async fn claim(&mut self, store: &PostgresStore) {
        let id = CommandId::new();
        let tag = || Tag::new("name", self.written / 8).expect("it is a tag");
        let query = EventQuery::any_of([QueryItem::new().tag(tag())]).expect("it names a tag");
        let condition = AppendCondition::default().nothing_new(query, Position::ZERO);
        let claimed: NewEvent = event("claims", &format!("\"{id}\""));
        let claimed = claimed.with_tags(vec![tag()]).expect("it is within the limits");
        self.until_known(store, append(vec![claimed], condition, Some(id)), id).await;
    }

    /// Under a condition that cannot hold.
    async fn append_doomed(&mut self, store: &PostgresStore) {
        let wrong = Sequence::new(self.written + 1).expect("it is small");
        let condition = AppendCondition::default().expect_sequence(stream(&self.name), wrong);
        let id = CommandId::new();
        let events = vec![event("shared-0", &format!("\"{DOOMED}\""))];
        let append = append(events, condition, Some(id));
        let is_written = self.until_known(store, append, id).await;
        assert!(!is_written, "a condition that does not hold was overlooked");
    }

    /// Repeats until the outcome is known, and says whether it is written.
    async fn until_known(&self, store: &PostgresStore, append: Append, id: CommandId) -> bool {
        loop {
            match store.append(append.clone()).await {
                Ok(appended) => {
                    let id = id.to_string();
                    say_acknowledged(&id, appended.first_position, appended.count());
                    return true;
                }
                Err(AppendError::Conflict { .. } | AppendError::ConditionFailed { .. }) => {
                    return false;
                }
                Err(AppendError::Unknown { .. } | AppendError::Unavailable { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}
