//! The state of an aggregate: now, and as it was.

use annals_core::{Aggregate, LimitError, StreamId};

use crate::engine::Engine;
use crate::error::LoadError;
use crate::lane::Confirmed;
use crate::loaded::{At, Loaded};
use crate::replay::{Moment, replay};
use crate::resources::Resources;

pub(crate) fn stream_id<A: Aggregate>(id: &A::Id) -> Result<StreamId, LimitError> {
    StreamId::new(A::TYPE, id.to_string())
}

pub(crate) async fn load<A: Aggregate>(
    engine: &Engine<A::Services>,
    stream: &StreamId,
) -> Result<Loaded<A>, LoadError> {
    let Engine { resources, lanes, .. } = engine;
    let lane = lanes.lane::<A>(stream);
    let mut held = lane.hold(resources, stream).await?;
    loop {
        let loaded = held.loaded();
        held = match held.confirm(&*resources.store, stream).await? {
            Confirmed::Current(_) => return Ok(loaded),
            Confirmed::Changed(newer) => newer,
            Confirmed::Lost => lane.hold(resources, stream).await?,
        };
    }
}

pub(crate) async fn load_at<A: Aggregate>(
    resources: &Resources,
    stream: StreamId,
    at: At,
) -> Result<Loaded<A>, LoadError> {
    let replayed = replay::<A>(resources, &stream, Moment::At(at)).await?;
    let (state, sequence) = (replayed.state, replayed.sequence);
    match at {
        At::Sequence(asked) if sequence < asked => {
            Err(LoadError::SequenceAhead { stream, asked, actual: sequence })
        }
        _ => Ok(Loaded { state, sequence }),
    }
}
