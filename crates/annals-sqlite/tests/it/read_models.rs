//! Read models in a folder of files.

mod applying;
mod comparing;
mod conformance;
pub(crate) mod crash_images;
mod generations;
mod history;
pub(crate) mod kill;
mod opening;
mod parking;
mod plans;
mod scene;
