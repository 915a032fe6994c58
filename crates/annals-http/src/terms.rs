//! A command in a request, and under which terms it is to be executed.

use annals_core::{Aggregate, CommandId, EventStore, Metadata, Sequence};
use annals_runtime::{App, Execute, Executed};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::body;
use crate::context::RequestMetadata;
use crate::etag::Precondition;
use crate::idempotency::Repeatable;
use crate::problem::{Problem, Refusal};

/// A JSON object that asks for a command, and the terms of the request.
///
/// Refuses what [`Body`](crate::Body) refuses.
#[derive(Debug, Clone)]
pub struct Asked<T> {
    /// The object.
    pub body: T,
    /// What was said about it.
    pub terms: Terms,
}

/// Under which terms a command is to be executed: `Idempotency-Key`, `If-Match`, `If-None-Match`,
/// and who asks.
///
/// As an argument of a handler it reads the body of a request that has none, or an empty object.
#[derive(Debug, Clone)]
pub struct Terms {
    repeatable: Option<Repeatable>,
    expected: Option<Sequence>,
    metadata: Metadata,
}

impl Terms {
    /// The command id that comes with the idempotency key, if there is one: the same request of
    /// the same principal, the same id.
    #[must_use]
    pub fn command_id(&self) -> Option<CommandId> {
        self.repeatable.as_ref().map(|repeatable| repeatable.command_id)
    }

    /// The sequence the aggregate must be at, if that was said; 0 means that it must not exist.
    #[must_use]
    pub fn expected(&self) -> Option<Sequence> {
        self.expected
    }

    /// What accompanies the events.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Executes a command under these terms.
    ///
    /// # Guarantee
    ///
    /// With an idempotency key, the command takes effect once, however often and wherever it is
    /// asked for: a repeat gets the outcome of the first, also after a restart and while the first
    /// is being executed. The same key with another body is refused. A rejected command leaves its
    /// key free and is decided anew.
    ///
    /// # Errors
    ///
    /// A [`Problem`]: that of the rejection, or of the framework's error.
    pub async fn execute<A: Aggregate<Error: Refusal>>(
        &self,
        app: &App<A::Services>,
        id: &A::Id,
        command: A::Command,
    ) -> Result<Executed<A::Event>, Problem> {
        let executed = self.apply(app.execute::<A>(id, command)).await?;
        self.check(&**app.store(), executed.repeated).await?;
        Ok(executed)
    }

    /// Says these terms of a command about to be executed. Then, where its outcome is a repeat,
    /// [`Terms::check`] must be asked.
    pub fn apply<'a, A: Aggregate>(&self, execute: Execute<'a, A>) -> Execute<'a, A> {
        let mut execute = execute.context(self.metadata.clone());
        if let Some(id) = self.command_id() {
            execute = execute.command_id(id);
        }
        match self.expected {
            Some(sequence) => execute.expect_sequence(sequence),
            None => execute,
        }
    }

    /// Makes sure that an outcome which is a repeat belongs to this very request.
    ///
    /// # Errors
    ///
    /// A [`Problem`]: 422 if the key was used with another body.
    pub async fn check(&self, store: &dyn EventStore, is_repeat: bool) -> Result<(), Problem> {
        match &self.repeatable {
            Some(repeatable) if is_repeat => repeatable.check(store).await,
            _ => Ok(()),
        }
    }

    async fn read(parts: &mut Parts, body: &[u8]) -> Result<Self, Problem> {
        let Precondition(expected) = Precondition::from_request_parts(parts, &()).await?;
        let repeatable = Repeatable::of(parts, body)?;
        let RequestMetadata(metadata) = parts.extensions.get().cloned().unwrap_or_default();
        let metadata = match &repeatable {
            Some(repeatable) => repeatable.note(metadata),
            None => metadata,
        };
        Ok(Self { repeatable, expected, metadata })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        body::check_content_type(request.headers())?;
        let (terms, bytes, _) = read(request).await?;
        Ok(Self { body: body::parse(&bytes)?, terms })
    }
}

impl<S: Send + Sync> FromRequest<S> for Terms {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (terms, bytes, headers) = read(request).await?;
        if !bytes.is_empty() {
            body::check_content_type(&headers)?;
            body::parse::<EmptyObject>(&bytes)?;
        }
        Ok(terms)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an empty object")]
struct EmptyObject {}

async fn read(request: Request) -> Result<(Terms, Bytes, HeaderMap), Problem> {
    let (mut parts, body) = request.into_parts();
    let mut request = Request::new(body);
    if let Some(limits) = parts.extensions.get::<body::BodyLimits>() {
        request.extensions_mut().insert(*limits);
    }
    let bytes = body::read(request).await?;
    let terms = Terms::read(&mut parts, &bytes).await?;
    Ok((terms, bytes, parts.headers))
}
