//! Read models that are to show what a command led to before its caller hears of it.

use std::error::Error;
use std::time::Duration;

use annals_core::{CommandId, ConsistencyToken};
use tracing::Instrument;

use crate::error::ExecuteError;
use crate::telemetry;
use crate::visibility::{self, Visibility};

/// What is waited for after a command.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    visibility: Option<&'a Visibility>,
    projections: Vec<String>,
}

impl<'a> Waiting<'a> {
    /// Nothing yet.
    pub(crate) fn new(visibility: Option<&'a Visibility>) -> Self {
        Self { visibility, projections: Vec::new() }
    }

    pub(crate) fn add(&mut self, projection: String) {
        self.projections.push(projection);
    }

    /// Refuses, before anything is executed, what could not be waited for afterwards.
    pub(crate) fn check<E: Error + 'static>(&self) -> Result<(), ExecuteError<E>> {
        match (self.visibility, self.projections.first()) {
            (None, Some(first)) => Err(ExecuteError::NoReadModels { projection: first.clone() }),
            _ => Ok(()),
        }
    }

    /// Waits until all show what `token` asks for.
    pub(crate) async fn wait<E: Error + 'static>(
        &self,
        command_id: CommandId,
        token: ConsistencyToken,
        within: Duration,
    ) -> Result<(), ExecuteError<E>> {
        let Some(visibility) = self.visibility else { return Ok(()) };
        let deadline = visibility::after(within);
        for projection in &self.projections {
            let waiting = telemetry::wait(projection);
            visibility
                .wait_until(projection, token, deadline)
                .instrument(waiting.clone())
                .await
                .inspect_err(|_| telemetry::fail(&waiting, Some("not_visible")))
                .map_err(|source| ExecuteError::NotVisible { command_id, token, source })?;
        }
        Ok(())
    }
}
