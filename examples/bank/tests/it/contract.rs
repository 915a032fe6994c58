//! The service does what its description says, and nothing that it does not say.

mod answers;
mod bad_input;
mod client;
mod description;
mod row;
mod schemathesis;
mod unavailable;
mod wire;
mod world;

pub(crate) use description::Description;
