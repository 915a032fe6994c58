//! The types of aggregates that an application has, so that their states can be shown.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use annals_core::{Aggregate, BoxFuture, Sequence};
use annals_runtime::{App, At};
use serde_json::Value;

use crate::problem::{Kind, Problem};

/// A state at a moment, as JSON.
#[derive(Debug)]
pub(super) struct State {
    pub(super) sequence: Sequence,
    pub(super) value: Value,
}

type Load =
    Arc<dyn Fn(String, Option<At>) -> BoxFuture<'static, Result<State, Problem>> + Send + Sync>;

/// The aggregates whose states the admin API shows. Cloning shares them.
#[derive(Clone, Default)]
pub struct Aggregates {
    loads: BTreeMap<&'static str, Load>,
}

impl Aggregates {
    /// Adds a type, whose states `app` loads.
    #[must_use]
    pub fn with<A>(mut self, app: &App<A::Services>) -> Self
    where
        A: Aggregate<Id: FromStr<Err: fmt::Display>>,
    {
        let app = app.clone();
        let load = move |id: String, at: Option<At>| -> BoxFuture<'static, _> {
            let app = app.clone();
            Box::pin(async move { load::<A>(&app, &id, at).await })
        };
        self.loads.insert(A::TYPE, Arc::new(load));
        self
    }

    /// The names of the types.
    pub(super) fn types(&self) -> Vec<&'static str> {
        self.loads.keys().copied().collect()
    }

    pub(super) async fn load(
        &self,
        aggregate_type: &str,
        id: String,
        at: Option<At>,
    ) -> Result<State, Problem> {
        let Some(load) = self.loads.get(aggregate_type) else {
            let detail = format!("this service knows no aggregates of the type {aggregate_type:?}");
            return Err(Problem::new(Kind::NOT_FOUND, detail));
        };
        load(id, at).await
    }
}

async fn load<A>(app: &App<A::Services>, id: &str, at: Option<At>) -> Result<State, Problem>
where
    A: Aggregate<Id: FromStr<Err: fmt::Display>>,
{
    let id = A::Id::from_str(id)
        .map_err(|error| Problem::new(Kind::MALFORMED_PATH, error.to_string()))?;
    let loaded = match at {
        Some(at) => app.load_at::<A>(&id, at).await?,
        None => app.load::<A>(&id).await?,
    };
    if !loaded.exists() {
        let detail = match at {
            Some(_) => format!("nothing had happened to {id} by then"),
            None => format!("nothing ever happened to {id}"),
        };
        return Err(Problem::new(Kind::NOT_FOUND, detail));
    }
    let value = serde_json::to_value(&loaded.state).map_err(|error| Problem::internal(&error))?;
    Ok(State { sequence: loaded.sequence, value })
}

impl fmt::Debug for Aggregates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Aggregates").field(&self.types()).finish()
    }
}
