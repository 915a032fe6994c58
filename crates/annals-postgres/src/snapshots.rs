//! Snapshots, beside the log.

use annals_core::{EventId, Json, Sequence, Snapshot, StreamId};
use futures_util::future::join3;

use crate::json_text::JsonText;
use crate::pool::Pool;
use crate::session::{Session, SessionError};
use crate::statement::{BEGIN_UNFLUSHED, Statement};

/// Keeps a snapshot unless a newer one is there. A crash may lose it, so nobody waits for a flush.
pub(crate) async fn save(pool: &Pool, snapshot: &Snapshot) -> Result<(), SessionError> {
    let mut session = pool.lend().await?;
    let saved = save_on(&mut session, snapshot).await;
    session.settle(&saved);
    saved
}

async fn save_on(session: &mut Session, snapshot: &Snapshot) -> Result<(), SessionError> {
    let prepared = session.prepare(Statement::SaveSnapshot).await?;
    let stream = &snapshot.stream;
    let (client, wire) = session.parts();
    let (begun, saved, committed) = wire
        .drive(join3(
            client.batch_execute(BEGIN_UNFLUSHED),
            client.execute(
                &prepared,
                &[
                    &stream.aggregate_type(),
                    &stream.aggregate_id(),
                    &i64::from(snapshot.state_version),
                    &snapshot.sequence.as_i64(),
                    snapshot.event_id.as_uuid(),
                    &i64::from(snapshot.checksum),
                    &JsonText(snapshot.state.as_str()),
                ],
            ),
            client.batch_execute("COMMIT"),
        ))
        .await;
    wire.explained(begun).and(wire.explained(saved)).and(wire.explained(committed))
}

/// The snapshot of a stream at or before a sequence, if one is kept.
pub(crate) async fn load(
    pool: &Pool,
    stream: StreamId,
    state_version: u32,
    up_to: Sequence,
) -> Result<Option<Snapshot>, SessionError> {
    let mut session = pool.lend().await?;
    let rows = session
        .query(
            Statement::LoadSnapshot,
            &[
                &stream.aggregate_type(),
                &stream.aggregate_id(),
                &i64::from(state_version),
                &up_to.as_i64(),
            ],
        )
        .await;
    session.settle(&rows);
    let rows = rows?;
    let Some(row) = rows.first() else { return Ok(None) };
    let sequence: i64 = row.try_get("sequence")?;
    let checksum: i64 = row.try_get("checksum")?;
    let (Ok(sequence), Ok(checksum)) = (Sequence::try_from(sequence), u32::try_from(checksum))
    else {
        // Not one of ours: replay from the events.
        return Ok(None);
    };
    Ok(Some(Snapshot {
        stream,
        sequence,
        event_id: EventId::from_uuid(row.try_get("event_id")?),
        state_version,
        state: Json::from_stored(row.try_get::<_, JsonText<'_>>("state")?.0),
        checksum,
    }))
}
