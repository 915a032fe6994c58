//! Commands whose traces can be told from each other, and what must be true of any log they ran
//! against.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, CommandId, EventQuery, EventStore, EventType, Json,
    NewEvent, Position, Read, RecordedEvent, Sequence, StreamId, Tag,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Payload of every event: which command wrote it, and which of its events it is.
#[derive(Debug, Serialize, Deserialize)]
struct Trace {
    command: String,
    index: usize,
    of: usize,
    padding: String,
}

/// The id of the command with this label, always the same.
pub(crate) fn command_id(label: &str) -> CommandId {
    CommandId::derived(&Uuid::nil(), label.as_bytes())
}

/// The append of the command with this label, always the same: one to three events, in a stream
/// of its own and one that it shares, some with tags, some with a condition that holds.
pub(crate) fn append(label: &str) -> Append {
    let id = command_id(label);
    let random = usize::from(id.as_uuid().as_bytes()[0]);
    let of = 1 + random % 3;
    let stream = |name: &str| StreamId::new("account", name).expect("a valid name");
    let events = (0..of).map(|index| {
        let padding = "x".repeat(random * (index + 1));
        let trace = Trace { command: label.to_owned(), index, of, padding };
        let own = if index == 1 { "shared" } else { label };
        let payload = Json::write("payload", &trace, 100_000).expect("plain JSON");
        let happened = EventType::new("happened").expect("a valid name");
        let event = NewEvent::new(stream(own), happened, 1, payload).expect("within the limits");
        let tags = (random % 2 == 0).then(|| Tag::new("kind", random % 5).expect("a valid tag"));
        event.with_tags(tags.into_iter().collect()).expect("few tags")
    });
    let mut condition = AppendCondition::default().expect_sequence(stream(label), Sequence::ZERO);
    if random % 3 == 0 {
        let none = annals_core::QueryItem::new().tag(Tag::new("kind", "none").expect("valid"));
        let query = EventQuery::any_of([none]).expect("one item");
        condition = condition.nothing_new(query, Position::ZERO);
    }
    Append::new(events.collect(), condition, Some(id)).expect("within the limits")
}

/// What a client learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing yet: it is sent again, so what was learnt before does not hold any more.
    Sent,
    Acknowledged {
        first_position: u64,
    },
    Unknown,
    /// Certainly not written.
    Refused,
    /// Certainly not written, and the store writes no more.
    Closed,
}

/// Sends the command.
pub(crate) async fn send(store: &dyn EventStore, label: &str) -> Outcome {
    match store.append(append(label)).await {
        Ok(appended) => Outcome::Acknowledged { first_position: appended.first_position.get() },
        Err(AppendError::Unknown { .. }) => Outcome::Unknown,
        Err(AppendError::Unavailable { .. }) => Outcome::Refused,
        Err(AppendError::Closed { .. }) => Outcome::Closed,
        Err(error) => panic!("the condition of {label} holds: {error}"),
    }
}

/// The client's notebook: one line for each outcome, each one write.
pub(crate) struct Outcomes(File);

impl Outcomes {
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("outcomes");
        Self(OpenOptions::new().append(true).create(true).open(path).expect("it can be written"))
    }

    pub(crate) fn note(&self, label: &str, outcome: Outcome) {
        let line = match outcome {
            Outcome::Acknowledged { first_position } => format!("{label} {first_position}\n"),
            Outcome::Sent => format!("{label} sent\n"),
            Outcome::Unknown => format!("{label} unknown\n"),
            Outcome::Refused => format!("{label} refused\n"),
            Outcome::Closed => format!("{label} closed\n"),
        };
        (&self.0).write_all(line.as_bytes()).expect("it can be written");
    }

    /// The last outcome of each command. A line that was cut off does not count.
    pub(crate) fn read(text: &str) -> HashMap<String, Outcome> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().map(|line| {
            let (label, outcome) = line.split_once(' ').expect("label and outcome");
            let outcome = match outcome {
                "sent" => Outcome::Sent,
                "unknown" => Outcome::Unknown,
                "refused" => Outcome::Refused,
                "closed" => Outcome::Closed,
                position => {
                    let first_position = position.parse().expect("a position");
                    Outcome::Acknowledged { first_position }
                }
            };
            (label.to_owned(), outcome)
        });
        lines.collect()
    }
}

/// Runs `clients` clients at once; each sends `commands` commands one after the other and notes
/// every outcome.
pub(crate) async fn run(
    store: &Arc<dyn EventStore>,
    life: &str,
    clients: usize,
    commands: usize,
    outcomes: &Arc<Outcomes>,
) {
    let clients = (0..clients).map(|client| {
        let (store, outcomes) = (Arc::clone(store), Arc::clone(outcomes));
        let life = life.to_owned();
        tokio::spawn(async move {
            for number in 0..commands {
                let label = format!("{life}-{client}-{number}");
                let outcome = send(&*store, &label).await;
                outcomes.note(&label, outcome);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("clients do not panic");
    }
}

/// The events after `after`, verified: no holes in positions and sequences, whole commands.
pub(crate) async fn verify(store: &dyn EventStore, after: Position) -> Vec<RecordedEvent> {
    let mut events: Vec<RecordedEvent> = Vec::new();
    let mut read = Read::all().after(after).limit(5_000);
    loop {
        let page = store.read(read.clone()).await.expect("the log can be read");
        events.extend(page.events);
        if !page.has_more {
            break;
        }
        read = read.after(page.through);
    }
    assert_eq!(store.head().await.expect("a head"), after.plus(events.len() as u64));
    let mut sequences: HashMap<&StreamId, Sequence> = HashMap::new();
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event.position, after.plus(number), "a hole in the positions");
        if let Some(last) = sequences.insert(&event.stream, event.sequence) {
            assert_eq!(event.sequence, last.plus(1), "a hole in {}", event.stream);
        } else if after == Position::ZERO {
            assert_eq!(event.sequence.get(), 1, "{} does not begin with 1", event.stream);
        }
    }
    let mut rest = events.as_slice();
    let mut seen: HashMap<String, Position> = HashMap::new();
    while let Some(first) = rest.first() {
        let trace: Trace = first.payload.read().expect("our own payload");
        assert!(rest.len() >= trace.of, "only a part of {} was written", trace.command);
        for (event, index) in rest[..trace.of].iter().zip(0..) {
            let own: Trace = event.payload.read().expect("our own payload");
            assert_eq!((own.command, own.index), (trace.command.clone(), index));
        }
        let before = seen.insert(trace.command.clone(), first.position);
        assert_eq!(before, None, "{} was written twice", trace.command);
        rest = &rest[trace.of..];
    }
    events
}

/// The position of the first event of each command in `events`.
pub(crate) fn commands(events: &[RecordedEvent]) -> HashMap<String, u64> {
    let traces = events.iter().filter_map(|event| {
        let trace: Trace = event.payload.read().expect("our own payload");
        (trace.index == 0).then(|| (trace.command, event.position.get()))
    });
    traces.collect()
}

/// Whether the log keeps what its clients were told.
pub(crate) fn assert_kept(written: &HashMap<String, u64>, told: &HashMap<String, Outcome>) {
    for (label, outcome) in told {
        let found = written.get(label).copied();
        match *outcome {
            Outcome::Acknowledged { first_position } => {
                assert_eq!(found, Some(first_position), "{label} was acknowledged");
            }
            Outcome::Refused | Outcome::Closed => assert_eq!(found, None, "{label} was refused"),
            Outcome::Sent | Outcome::Unknown => {}
        }
    }
}
