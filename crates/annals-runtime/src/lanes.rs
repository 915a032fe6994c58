//! The lanes of all aggregates in use, bounded in number.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use annals_core::{Aggregate, StreamId};
use quick_cache::sync::Cache;

use crate::lane::Lane;

type LanesOf<A> = Cache<StreamId, Arc<Lane<A>>>;

/// For each type of aggregate, the lanes of those recently used.
///
/// A lane that is dropped while somebody still waits in it may come to stand beside a new one for
/// the same aggregate. That costs conflicts and retries, as between processes, and nothing else.
pub(crate) struct Lanes {
    of_type: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    lanes_max: usize,
}

impl Lanes {
    /// At most `lanes_max` lanes for each type of aggregate.
    pub(crate) fn new(lanes_max: usize) -> Self {
        Self { of_type: RwLock::default(), lanes_max }
    }

    pub(crate) fn lane<A: Aggregate>(&self, stream: &StreamId) -> Arc<Lane<A>> {
        let lanes = self.lanes_of::<A>();
        if let Some(lane) = lanes.get(stream) {
            return lane;
        }
        let Ok(lane) = lanes.get_or_insert_with(stream, || {
            Ok::<_, std::convert::Infallible>(Arc::new(Lane::default()))
        });
        lane
    }

    fn lanes_of<A: Aggregate>(&self) -> Arc<LanesOf<A>> {
        let key = TypeId::of::<A>();
        let known = self.of_type.read().expect(NO_PANIC).get(&key).cloned();
        let lanes = known.unwrap_or_else(|| {
            let mut of_type = self.of_type.write().expect(NO_PANIC);
            let new = || Arc::new(LanesOf::<A>::new(self.lanes_max)) as Arc<dyn Any + Send + Sync>;
            Arc::clone(of_type.entry(key).or_insert_with(new))
        });
        lanes.downcast().expect("the key is the type of the value")
    }
}

const NO_PANIC: &str = "no code panics while it holds the table of lanes";

impl fmt::Debug for Lanes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lanes").field("lanes_max", &self.lanes_max).finish_non_exhaustive()
    }
}
