//! Writers that go on through every fault, and what must be true afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_core::{
    Append, AppendCondition, AppendError, Appended, CommandId, EventStore, EventType, Json,
    NewEvent, Sequence, StreamId,
};
use annals_postgres::PostgresStore;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("sample", id).expect("it is an id")
}

pub(crate) fn event(id: &str, payload: &str) -> NewEvent {
    let event_type = EventType::new("happened").expect("it is a name");
    let payload = Json::parse("payload", payload, 1_000).expect("it is JSON");
    NewEvent::new(stream(id), event_type, 1, payload).expect("it is within the limits")
}

pub(crate) fn append(
    events: Vec<NewEvent>,
    condition: AppendCondition,
    id: Option<CommandId>,
) -> Append {
    Append::new(events, condition, id).expect("it is within the limits")
}

/// Repeats with the same command id until the outcome is known.
pub(crate) async fn append_until_known(
    store: &dyn EventStore,
    stream_id: &str,
    sequence: u64,
    id: CommandId,
) -> Appended {
    let expected = Sequence::new(sequence).expect("it is small");
    let condition = AppendCondition::default().expect_sequence(stream(stream_id), expected);
    let events = vec![event(stream_id, &format!("\"{id}\""))];
    loop {
        match store.append(append(events.clone(), condition.clone(), Some(id))).await {
            Ok(appended) => return appended,
            Err(AppendError::Unknown { .. } | AppendError::Unavailable { .. }) => {}
            Err(error) => panic!("sequence {sequence} of {stream_id}: {error:?}"),
        }
    }
}

/// Writers on one handle, each on a stream of its own, until they are told to stop.
#[derive(Debug)]
pub(crate) struct Load {
    writers: Vec<JoinHandle<Vec<(CommandId, Appended)>>>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    pub(crate) fn on(store: &Arc<PostgresStore>, name: &str, writers: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let writers = (0..writers).map(|writer| {
            let (store, is_over) = (Arc::clone(store), Arc::clone(&is_over));
            let own = format!("{name}-{writer}");
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for sequence in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = CommandId::new();
                    let appended = append_until_known(&*store, &own, sequence, id).await;
                    acknowledged.push((id, appended));
                }
                acknowledged
            })
        });
        Self { writers: writers.collect(), is_over }
    }

    /// Ends the writers, and gives everything that was acknowledged to them.
    pub(crate) async fn stop(self) -> Vec<(CommandId, Appended)> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for writer in self.writers {
            acknowledged.extend(writer.await.expect("a writer does not panic"));
        }
        acknowledged
    }
}

/// Nothing is lost, doubled or misplaced, and nothing is there that nobody has written.
pub(crate) async fn assert_log(session: &Client, acknowledged: &[(CommandId, Appended)]) {
    let row = session
        .query_one(
            "SELECT count(*), coalesce(max(position), 0), count(DISTINCT payload::text)
             FROM annals.event",
            &[],
        )
        .await
        .expect("the log can be read");
    let (count, head, commands): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!(count, head, "the positions have holes");
    assert_eq!(count, commands, "a command was written more than once");
    let row = session
        .query_one(
            "SELECT count(*) FROM (
                SELECT sequence,
                    row_number() OVER (
                        PARTITION BY aggregate_type, aggregate_id ORDER BY position
                    ) AS number,
                    timestamp < lag(timestamp) OVER (ORDER BY position) AS steps_back
                FROM annals.event
            ) AS event
            WHERE sequence <> number OR steps_back",
            &[],
        )
        .await
        .expect("the log can be read");
    assert_eq!(row.get::<_, i64>(0), 0, "sequences or timestamps are out of order");
    assert_eq!(count, i64::try_from(acknowledged.len()).expect("few"), "not all is acknowledged");
    for (id, appended) in acknowledged {
        let row = session
            .query_one(
                "SELECT position, sequence FROM annals.event WHERE payload::text = $1",
                &[&format!("\"{id}\"")],
            )
            .await
            .expect("an acknowledged event is there");
        let (position, sequence): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!(position, appended.first_position.as_i64());
        assert_eq!(Some(sequence), appended.sequences.first().map(|sequence| sequence.as_i64()));
    }
}
