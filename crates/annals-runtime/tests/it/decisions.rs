//! Decisions across streams.

use annals_core::{
    CommandId, Decision, EventEnvelope, EventQuery, EventType, LimitError, QueryItem, StreamId, Tag,
};
use annals_derive::DomainEvent;
use annals_runtime::ExecuteError;
use serde::{Deserialize, Serialize};

use crate::domain::{app, app_on, memory};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum OwnerEvent {
    OwnerRegistered {
        #[tag]
        name: String,
    },
    OwnerLeft {
        #[tag]
        name: String,
    },
}

/// A name may be registered by one owner at a time.
#[derive(Debug, Clone)]
pub(crate) struct Register {
    owner: String,
    name: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name is taken")]
pub(crate) struct NameTaken;

impl Register {
    pub(crate) fn new(owner: &str, name: &str) -> Self {
        Self { owner: owner.to_owned(), name: name.to_owned() }
    }
}

impl Decision for Register {
    type Event = OwnerEvent;
    type State = bool;
    type Error = NameTaken;
    type Services = ();

    fn query(&self) -> Result<EventQuery, LimitError> {
        let tag = Tag::new("name", &self.name)?;
        EventQuery::any_of([QueryItem::new().tag(tag)])
    }

    fn apply(&self, is_taken: &mut bool, envelope: &EventEnvelope<OwnerEvent>) {
        *is_taken = matches!(envelope.event, OwnerEvent::OwnerRegistered { .. });
    }

    fn decide(&self, is_taken: &bool, (): &()) -> Result<Vec<(StreamId, OwnerEvent)>, NameTaken> {
        if *is_taken {
            return Err(NameTaken);
        }
        let stream = StreamId::new("owner", self.owner.as_str()).map_err(|_| NameTaken)?;
        Ok(vec![(stream, OwnerEvent::OwnerRegistered { name: self.name.clone() })])
    }
}

#[tokio::test]
async fn a_decision_is_written_only_if_its_rule_holds() {
    let app = app();
    let done = app.decide(Register::new("1", "ada")).await.unwrap();
    assert_eq!(done.events[0].0, StreamId::new("owner", "1").unwrap());
    assert_eq!((done.position.get(), done.attempts, done.repeated), (1, 1, false));
    let error = app.decide(Register::new("2", "ada")).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(NameTaken)));
    let _ = app.decide(Register::new("2", "grace")).await.unwrap();
    assert_eq!(app.store().head().await.unwrap().get(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_racers_for_one_name_exactly_one_wins() {
    let store = memory();
    for round in 0..20 {
        let name = format!("name-{round}");
        let mut tasks = tokio::task::JoinSet::new();
        for racer in 0..16 {
            // An application each, as if each were a process.
            let (app, decision) = (app_on(&store), Register::new(&format!("{racer}"), &name));
            tasks.spawn(async move { app.decide(decision).await.is_ok() });
        }
        let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test]
async fn a_repeated_decision_returns_the_first_outcome() {
    let app = app();
    let command_id = CommandId::new();
    let register = || app.decide(Register::new("1", "ada")).command_id(command_id);
    let first = register().await.unwrap();
    // By its rule alone it would be rejected now.
    let repeat = register().await.unwrap();
    assert!(repeat.repeated);
    assert_eq!((repeat.events, repeat.position), (first.events, first.position));
    assert_eq!(app.store().head().await.unwrap().get(), 1);
}

#[tokio::test]
async fn a_dry_decision_writes_nothing() {
    let app = app();
    assert_eq!(app.decide(Register::new("1", "ada")).dry_run().await.unwrap().len(), 1);
    assert_eq!(app.store().head().await.unwrap().get(), 0);
}

/// Leaves in the name of everybody of two owners, in one step over two streams.
#[derive(Debug)]
struct LeaveBoth([&'static str; 2]);

impl Decision for LeaveBoth {
    type Event = OwnerEvent;
    type State = Vec<(StreamId, String)>;
    type Error = NameTaken;
    type Services = ();

    fn query(&self) -> Result<EventQuery, LimitError> {
        let mut item = QueryItem::new()
            .event_type(EventType::new("owner_registered")?)
            .event_type(EventType::new("owner_left")?);
        for owner in self.0 {
            item = item.stream(StreamId::new("owner", owner)?);
        }
        EventQuery::any_of([item])
    }

    fn apply(&self, names: &mut Self::State, envelope: &EventEnvelope<OwnerEvent>) {
        match &envelope.event {
            OwnerEvent::OwnerRegistered { name } => {
                names.push((envelope.stream.clone(), name.clone()));
            }
            OwnerEvent::OwnerLeft { name } => names.retain(|(_, known)| known != name),
        }
    }

    fn decide(
        &self,
        names: &Self::State,
        (): &(),
    ) -> Result<Vec<(StreamId, OwnerEvent)>, NameTaken> {
        let left = |(stream, name): &(StreamId, String)| {
            (stream.clone(), OwnerEvent::OwnerLeft { name: name.clone() })
        };
        Ok(names.iter().map(left).collect())
    }
}

#[tokio::test]
async fn a_decision_may_read_and_write_several_streams() {
    let app = app();
    for (owner, name) in [("1", "ada"), ("2", "grace"), ("3", "edsger")] {
        let _ = app.decide(Register::new(owner, name)).await.unwrap();
    }
    let done = app.decide(LeaveBoth(["1", "2"])).await.unwrap();
    assert_eq!(done.events.len(), 2);
    // Nothing is left to do, which is a success, and names that became free can be taken again.
    assert_eq!(app.decide(LeaveBoth(["1", "2"])).await.unwrap().events, []);
    let _ = app.decide(Register::new("9", "ada")).await.unwrap();
    assert!(app.decide(Register::new("9", "edsger")).await.is_err());
}
