//! What all clones of an application share.

use crate::lanes::Lanes;
use crate::resources::Resources;

pub(crate) struct Engine<S> {
    pub(crate) resources: Resources,
    /// What the domain may ask besides the state.
    pub(crate) services: S,
    pub(crate) lanes: Lanes,
}
