//! Batches on their way to the database.

use futures_util::future::{join, join3, join4};

use crate::append_error::BatchError;
use crate::batch::Batch;
use crate::facts::Answer;
use crate::session::{Session, SessionError};
use crate::statement::{BEGIN_WRITE, Statement};

const COMMIT: &str = "COMMIT";

/// Locks, checks, writes if everything holds, and commits, in one round trip.
///
/// Everything is sent before the first answer, so the head row is held for as long as the server
/// needs and not for as long as the network takes. The commit also flushes where nothing was
/// written, because locking the row makes it a writing transaction: whatever the answer rests on
/// is durable then, on synchronous standbys as well.
pub(crate) async fn write(session: &mut Session, batch: &Batch<'_>) -> Result<Answer, BatchError> {
    let not_written = BatchError::NotWritten;
    let lock = session.prepare(Statement::LockHead).await.map_err(not_written)?;
    let append = session.prepare(Statement::Append).await.map_err(not_written)?;
    let values = batch.values();
    let (client, wire) = session.parts();
    let warnings = wire.warnings();
    let (begun, locked, appended, committed) = wire
        .drive(join4(
            client.batch_execute(BEGIN_WRITE),
            client.query(&lock, &[]),
            client.query(&append, &values),
            client.batch_execute(COMMIT),
        ))
        .await;
    let begun = wire.explained(begun);
    let locked = wire.explained(locked);
    let rows = begun.and(locked).and(wire.explained(appended));
    let rows = rows.map_err(not_committed)?;
    wire.explained(committed).map_err(BatchError::Unknown)?;
    if wire.warnings() != warnings {
        return Err(BatchError::StandbysNotWaitedFor);
    }
    checked(&rows)
}

/// Locks and looks, and keeps the lock unless that fails.
pub(crate) async fn look(session: &mut Session, batch: &Batch<'_>) -> Result<Answer, BatchError> {
    let answer = try_look(session, batch).await;
    if answer.is_err() {
        // A lost connection has ended the transaction by itself.
        let _ = session.execute("ROLLBACK").await;
    }
    answer
}

async fn try_look(session: &mut Session, batch: &Batch<'_>) -> Result<Answer, BatchError> {
    let not_written = BatchError::NotWritten;
    let lock = session.prepare(Statement::LockHead).await.map_err(not_written)?;
    let append = session.prepare(Statement::Append).await.map_err(not_written)?;
    let values = batch.values();
    let (client, wire) = session.parts();
    let (begun, locked, found) = wire
        .drive(join3(
            client.batch_execute(BEGIN_WRITE),
            client.query(&lock, &[]),
            client.query(&append, &values),
        ))
        .await;
    let rows = wire.explained(begun).and(wire.explained(locked)).and(wire.explained(found));
    checked(&rows.map_err(not_written)?)
}

/// Writes and commits in the transaction that looked.
pub(crate) async fn write_looked(
    session: &mut Session,
    batch: &Batch<'_>,
) -> Result<Answer, BatchError> {
    let append = session.prepare(Statement::Append).await.map_err(BatchError::NotWritten)?;
    let values = batch.values();
    let (client, wire) = session.parts();
    let warnings = wire.warnings();
    let (appended, committed) =
        wire.drive(join(client.query(&append, &values), client.batch_execute(COMMIT))).await;
    let rows = wire.explained(appended).map_err(not_committed)?;
    wire.explained(committed).map_err(BatchError::Unknown)?;
    if wire.warnings() != warnings {
        return Err(BatchError::StandbysNotWaitedFor);
    }
    checked(&rows)
}

/// Commits the transaction that looked: there is nothing to write.
pub(crate) async fn commit_looked(session: &mut Session) -> Result<(), BatchError> {
    session.execute(COMMIT).await.map_err(BatchError::NotWritten)
}

/// A statement before the commit had no good answer. If the server refused it, the commit behind
/// it became a rollback. If the connection is gone, the commit may still have been carried out.
fn not_committed(error: SessionError) -> BatchError {
    match error {
        SessionError::Refused(_) => BatchError::NotWritten(error),
        _ => BatchError::Unknown(error),
    }
}

fn checked(rows: &[tokio_postgres::Row]) -> Result<Answer, BatchError> {
    let answer = Answer::read(rows).map_err(BatchError::Unknown)?;
    if !answer.is_locked {
        // Somebody cancelled the statement that begins or the one that locks; the rest of the
        // batch then stood alone and wrote nothing.
        return Err(BatchError::NotWritten(SessionError::incomplete()));
    }
    Ok(answer)
}
