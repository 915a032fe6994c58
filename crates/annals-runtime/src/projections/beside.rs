//! What else is done with the events of a projection.

use annals_core::{ApplyError, BoxFuture, Generation, Partition, Projection};

/// What else is done with the events of a projection, beside its read model.
pub(crate) trait Beside<P: Projection>: Send + Sync + 'static {
    /// Before changes are written and the checkpoint moves past their events. It is asked again if
    /// that does not come to pass, by whoever has the partition then.
    fn before<'a>(&'a self, changes: &'a P::Changes) -> BoxFuture<'a, Result<(), ApplyError>>;

    /// After they were written.
    fn after(&self, generation: &Generation, changes: &P::Changes) {
        let _ = (generation, changes);
    }

    /// The worker of this process has these partitions from now on.
    fn holds(&self, generation: &Generation, partitions: Vec<Partition>) {
        let _ = (generation, partitions);
    }
}

/// Nothing.
pub(super) struct NothingBeside;

impl<P: Projection> Beside<P> for NothingBeside {
    fn before<'a>(&'a self, _: &'a P::Changes) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async { Ok(()) })
    }
}
