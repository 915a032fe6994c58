//! Which events a client wants.

use annals_core::{EventQuery, EventType, LimitError, Position, QueryItem, StreamId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::{Fault, Kind, Problem};

/// What a client says about itself.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedParameters {
    /// Begin after this position, for who cannot send `Last-Event-ID`; 0 is the start of the log
    #[param(value_type = Option<u64>, maximum = 9223372036854775807u64)]
    pub(super) after: Option<Position>,
    /// Only events of these types, at most 64, with commas between them
    event_types: Option<String>,
    /// Only events of aggregates of this type
    aggregate_type: Option<String>,
    /// Only events of this aggregate, whose type must be given as well
    aggregate_id: Option<String>,
}

/// Which events a client wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    types: Vec<EventType>,
    aggregate_type: Option<String>,
    stream: Option<StreamId>,
}

impl FeedParameters {
    pub(super) fn selection(&self) -> Result<Selection, Problem> {
        let types = self.event_types.as_deref().into_iter().flat_map(|types| types.split(','));
        let types: Result<Vec<_>, _> = types.map(EventType::new).collect();
        let types = types.map_err(|error| malformed("event_types", &error))?;
        let stream = match (&self.aggregate_type, &self.aggregate_id) {
            (Some(kind), Some(id)) => {
                let stream = StreamId::new(kind.as_str(), id.as_str());
                Some(stream.map_err(|error| malformed("aggregate_id", &error))?)
            }
            (None, Some(_)) => {
                let detail = "aggregate_id needs aggregate_type beside it";
                return Err(Problem::new(Kind::MALFORMED_QUERY, detail));
            }
            _ => None,
        };
        let selection = Selection { types, aggregate_type: self.aggregate_type.clone(), stream };
        selection.query().map_err(|error| malformed("event_types", &error))?;
        Ok(selection)
    }
}

fn malformed(parameter: &str, error: &LimitError) -> Problem {
    let fault = Fault::new(parameter, error.to_string());
    Problem::new(Kind::MALFORMED_QUERY, error.to_string()).with_faults(vec![fault])
}

impl Selection {
    pub(super) fn contains(&self, stream: &StreamId, event_type: &EventType) -> bool {
        (self.types.is_empty() || self.types.contains(event_type))
            && match (&self.stream, &self.aggregate_type) {
                (Some(one), _) => one == stream,
                (None, Some(kind)) => kind == stream.aggregate_type(),
                (None, None) => true,
            }
    }

    /// What to read from the log. It may give more than is wanted.
    pub(super) fn query(&self) -> Result<EventQuery, LimitError> {
        if self.types.is_empty() && self.stream.is_none() {
            return Ok(EventQuery::all());
        }
        let item = self.types.iter().cloned().fold(QueryItem::new(), QueryItem::event_type);
        EventQuery::any_of([self.stream.iter().cloned().fold(item, QueryItem::stream)])
    }
}
