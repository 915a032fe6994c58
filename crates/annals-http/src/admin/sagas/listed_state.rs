//! The states by which instances are listed.

use annals_runtime::SagaList;
use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One of [`SagaList::STATES`].
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ListedState(pub(super) String);

impl TryFrom<String> for ListedState {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match SagaList::STATES.contains(&text.as_str()) {
            true => Ok(Self(text)),
            false => Err(format!("a state is one of {}", SagaList::STATES.join(", "))),
        }
    }
}

impl PartialSchema for ListedState {
    fn schema() -> RefOr<Schema> {
        let states = ObjectBuilder::new().schema_type(Type::String);
        states.enum_values(Some(SagaList::STATES)).into()
    }
}

impl ToSchema for ListedState {}
