//! What a user's event type must tell the framework; usually derived.

use crate::append::BoxError;
use crate::limits::LimitError;
use crate::tag::Tag;

/// A user's type of events: an enum with one variant for each kind of event.
///
/// Derive it: `#[derive(Serialize, Deserialize, DomainEvent)]`. The derive takes care that names
/// and versions are stable and unique; `serde` decides how the fields of a variant are written.
/// The name of the kind is not part of the payload, it has a column of its own.
pub trait DomainEvent: Sized + Send + Sync + 'static {
    /// All kinds, in the order they are declared.
    fn kinds() -> Vec<&'static EventKind>;

    /// The kind with this name or alias.
    fn find_kind(event_type: &str) -> Option<&'static EventKind>;

    /// The kind of this event.
    fn kind(&self) -> &'static EventKind;

    /// What this event is about, beyond its stream.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if a value of the event does not fit into a tag.
    fn tags(&self) -> Result<Vec<Tag>, LimitError>;

    /// The fields as JSON text.
    ///
    /// # Errors
    ///
    /// What `serde_json` says when a field has no JSON form.
    fn write_payload(&self) -> Result<String, serde_json::Error>;

    /// The event of this kind from the JSON text of its fields, which have the kind's current
    /// version.
    ///
    /// # Errors
    ///
    /// What `serde_json` says when the fields have another form.
    fn read_payload(kind: &'static EventKind, payload: &str) -> Result<Self, serde_json::Error>;
}

/// One kind of event: a variant of a [`DomainEvent`] enum.
#[derive(Debug, PartialEq, Eq)]
pub struct EventKind {
    /// The stable name that is written.
    pub name: &'static str,
    /// The version of the payload that is written.
    pub version: u32,
    /// Names under which older events of this kind stand in the log.
    pub aliases: &'static [&'static str],
    /// How older payloads become current ones, one for each version below the current one that
    /// can still be read.
    pub upcasters: &'static [Upcaster],
    /// Which variant of the enum it is, counted from 0.
    pub variant: u32,
}

/// Turns the payload of one version into that of the next.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// The version it reads; it returns the one after.
    pub from_version: u32,
    /// The change. Pure; it must not fail for any payload that was ever written.
    pub upcast: fn(serde_json::Value) -> Result<serde_json::Value, BoxError>,
}

impl PartialEq for Upcaster {
    /// Compares versions only: within a kind there is one upcaster for each, and addresses of
    /// functions are not stable.
    fn eq(&self, other: &Self) -> bool {
        self.from_version == other.from_version
    }
}

impl Eq for Upcaster {}
