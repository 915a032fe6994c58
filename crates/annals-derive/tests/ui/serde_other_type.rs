use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, DomainEvent)]
#[serde(into = "i64", try_from = "i64")]
enum Event {
    Opened,
}

impl From<Event> for i64 {
    fn from(_: Event) -> Self {
        1
    }
}

impl TryFrom<i64> for Event {
    type Error = std::convert::Infallible;

    fn try_from(_: i64) -> Result<Self, Self::Error> {
        Ok(Self::Opened)
    }
}

fn main() {}
