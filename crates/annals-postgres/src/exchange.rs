//! Batches on their way to the database.

use std::future::Future;

use annals_core::telemetry::Stopwatch;
use futures_util::future::{OptionFuture, join, join4};
use tokio_postgres::Row;

use crate::append_error::BatchError;
use crate::batch::Batch;
use crate::draft::{Answer, Draft};
use crate::session::{Session, SessionError};
use crate::statement::{BEGIN_WRITE, Statement};
use crate::telemetry;

const COMMIT: &str = "COMMIT";

/// Locks, checks, writes if everything holds, and commits, in one round trip.
///
/// Everything is sent before the first answer, so the head row is held for as long as the server
/// needs and not for as long as the network takes. The commit also flushes where nothing was
/// written, because locking the row makes it a writing transaction: whatever the answer rests on
/// is durable then, on synchronous standbys as well.
pub(crate) async fn write(session: &mut Session, draft: &Draft<'_>) -> Result<Answer, BatchError> {
    send(session, draft, &Batch::writing(draft), Part::Whole).await
}

/// Locks and looks, and keeps the lock unless that fails.
pub(crate) async fn look(session: &mut Session, draft: &Draft<'_>) -> Result<Answer, BatchError> {
    let answer = send(session, draft, &Batch::looking(draft), Part::Beginning).await;
    if answer.is_err() {
        // A lost connection has ended the transaction by itself.
        let _ = session.execute("ROLLBACK").await;
    }
    answer
}

/// Writes and commits in the transaction that looked.
pub(crate) async fn write_looked(
    session: &mut Session,
    draft: &Draft<'_>,
) -> Result<Answer, BatchError> {
    send(session, draft, &Batch::writing(draft), Part::End).await
}

/// Commits the transaction that looked: there is nothing to write.
pub(crate) async fn commit_looked(session: &mut Session) -> Result<(), BatchError> {
    let begun = Stopwatch::start();
    session.execute(COMMIT).await.map_err(BatchError::NotWritten)?;
    telemetry::committed(&begun, &Stopwatch::start());
    Ok(())
}

/// How much of a transaction is sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// Without the commit.
    Beginning,
    /// Without beginning and lock.
    End,
}

/// Sends statements without waiting for the answer to any of them. A statement that is refused
/// makes the server refuse those behind it, and turns the commit into a rollback.
async fn send(
    session: &mut Session,
    draft: &Draft<'_>,
    batch: &Batch<'_>,
    part: Part,
) -> Result<Answer, BatchError> {
    let statements = Statements::of(session, batch).await.map_err(BatchError::NotWritten)?;
    let (values, condition_values) = (batch.values(), batch.condition_values());
    let (client, wire) = session.parts();
    let warnings = wire.warnings();
    let begin = (part != Part::End)
        .then(|| join(client.batch_execute(BEGIN_WRITE), client.query(&statements.lock, &[])));
    let check = statements.check.as_ref().zip(condition_values.as_ref());
    let check = check.map(|(statement, values)| client.query(statement, values));
    let commit = (part != Part::Beginning).then(|| answered(client.batch_execute(COMMIT)));
    let (begun, checked, (appended, written), committed) = wire
        .drive(join4(
            OptionFuture::from(begin),
            OptionFuture::from(check),
            answered(client.query(&statements.append, &values)),
            OptionFuture::from(commit),
        ))
        .await;
    let refusal = if committed.is_some() { not_committed } else { BatchError::NotWritten };
    if let Some((begun, locked)) = begun {
        wire.explained(begun).map_err(refusal)?;
        wire.explained(locked).map_err(refusal)?;
    }
    let checked = checked.map(|rows| wire.explained(rows)).transpose().map_err(refusal)?;
    let rows = wire.explained(appended).map_err(refusal)?;
    if let Some((committed, at)) = committed {
        wire.explained(committed).map_err(BatchError::Unknown)?;
        telemetry::committed(&written, &at);
        if wire.warnings() != warnings {
            return Err(BatchError::StandbysNotWaitedFor);
        }
    }
    read(&rows, checked.as_deref(), draft)
}

/// An answer, and when it came. The server gives each as soon as it has it.
async fn answered<T>(asked: impl Future<Output = T>) -> (T, Stopwatch) {
    (asked.await, Stopwatch::start())
}

/// What a batch needs to have prepared.
struct Statements {
    lock: tokio_postgres::Statement,
    append: tokio_postgres::Statement,
    check: Option<tokio_postgres::Statement>,
}

impl Statements {
    async fn of(session: &mut Session, batch: &Batch<'_>) -> Result<Self, SessionError> {
        let check = match batch.condition_values() {
            Some(_) => Some(session.prepare(Statement::CheckConditions).await?),
            None => None,
        };
        Ok(Self {
            lock: session.prepare(Statement::LockHead).await?,
            append: session.prepare(batch.statement()).await?,
            check,
        })
    }
}

/// A statement before the commit had no good answer. If the server refused it, the commit behind
/// it became a rollback. If the connection is gone, the commit may still have been carried out.
fn not_committed(error: SessionError) -> BatchError {
    match error {
        SessionError::Refused(_) => BatchError::NotWritten(error),
        _ => BatchError::Unknown(error),
    }
}

fn read(rows: &[Row], checked: Option<&[Row]>, draft: &Draft<'_>) -> Result<Answer, BatchError> {
    let answer = Answer::read(rows, checked, draft).map_err(BatchError::Unknown)?;
    if !answer.is_locked {
        // Somebody cancelled the statement that begins or the one that locks; the rest of the
        // batch then stood alone and wrote nothing.
        return Err(BatchError::NotWritten(SessionError::incomplete()));
    }
    Ok(answer)
}
