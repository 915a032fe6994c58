//! Given/when/then passes what is right, and tells what is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use annals_core::{
    Aggregate, Decision, EventEnvelope, EventQuery, LimitError, QueryItem, StreamId, Tag,
};
use annals_derive::DomainEvent;
use annals_testing::{given, given_log};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum TillEvent {
    Paid {
        amount: u64,
    },
    Closed,
    /// Loses its note on the way through the log.
    Noted {
        #[serde(skip)]
        note: String,
    },
    /// Counts in a field that snapshots lose.
    Counted,
    Tagged {
        #[tag]
        customer: String,
    },
}

use TillEvent::{Closed, Counted, Noted, Paid, Tagged};

#[derive(Debug, Clone)]
enum TillCommand {
    Pay(u64),
    Close,
    Note(&'static str),
    Count,
    Draw,
    Nothing,
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum TillError {
    #[error("closed with {total}")]
    IsClosed { total: u64 },
}

/// Draws numbers, which is not pure.
#[derive(Debug, Default)]
struct Numbers(AtomicU64);

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Till {
    total: u64,
    is_closed: bool,
    #[serde(skip)]
    lost: u64,
    counted: u64,
}

impl Aggregate for Till {
    const TYPE: &'static str = "till";
    type Id = u64;
    type Command = TillCommand;
    type Event = TillEvent;
    type Error = TillError;
    type Services = Numbers;

    fn handle(&self, command: TillCommand, numbers: &Numbers) -> Result<Vec<TillEvent>, TillError> {
        if self.is_closed {
            return Err(TillError::IsClosed { total: self.total });
        }
        Ok(match command {
            TillCommand::Pay(amount) => vec![Paid { amount }],
            TillCommand::Close => vec![Closed],
            TillCommand::Note(note) => vec![Noted { note: note.to_owned() }],
            TillCommand::Count => vec![Counted],
            TillCommand::Draw => vec![Paid { amount: numbers.0.fetch_add(1, Ordering::Relaxed) }],
            TillCommand::Nothing => Vec::new(),
        })
    }

    fn apply(&mut self, event: &TillEvent) {
        match event {
            Paid { amount } => self.total += amount,
            Closed => self.is_closed = true,
            Noted { .. } | Tagged { .. } => {}
            Counted => {
                self.lost += 1;
                self.counted = self.lost;
            }
        }
    }
}

#[test]
fn what_is_right_passes() {
    given::<Till>(Numbers::default()).when(TillCommand::Pay(5)).then([Paid { amount: 5 }]);
    given::<Till>(Numbers::default())
        .events([Paid { amount: 5 }])
        .command(TillCommand::Pay(2))
        .command(TillCommand::Close)
        .when(TillCommand::Pay(1))
        .then_rejected(TillError::IsClosed { total: 7 })
        .then_rejected_if("closed", |error| matches!(error, TillError::IsClosed { .. }))
        .then_state(|till| assert_eq!(till.total, 7));
    given::<Till>(Numbers::default())
        .events([Paid { amount: 5 }])
        .when(TillCommand::Pay(1))
        .then([Paid { amount: 1 }])
        .then_state(|till| assert_eq!(till.total, 6));
    given::<Till>(Numbers::default()).when(TillCommand::Nothing).then_nothing();
}

/// What a test that must fail says.
fn told(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test must fail");
    *panic.downcast::<String>().expect("the message is text")
}

#[test]
fn failure_tells_given_when_expected_and_actual() {
    let wrong_event = told(|| {
        let when = given::<Till>(Numbers::default())
            .events([Paid { amount: 1 }, Paid { amount: 2 }])
            .when(TillCommand::Pay(3));
        let _ = when.then([Paid { amount: 4 }]);
    });
    assert_eq!(
        wrong_event,
        "\ngiven\n    Paid { amount: 1 }\n    Paid { amount: 2 }\nwhen\n    Pay(3)\n\
         then expected\n    Paid { amount: 4 }\nbut got\n    Paid { amount: 3 }\n"
    );
    let rejected = told(|| {
        let _ =
            given::<Till>(Numbers::default()).events([Closed]).when(TillCommand::Pay(3)).then([]);
    });
    assert!(
        rejected.ends_with("expected\n    nothing\nbut got\n    rejected: IsClosed { total: 0 }\n"),
        "{rejected}"
    );
    let accepted = told(|| {
        let when = given::<Till>(Numbers::default()).when(TillCommand::Pay(3));
        let _ = when.then_rejected(TillError::IsClosed { total: 3 });
    });
    assert!(
        accepted.ends_with(
            "expected\n    rejected: IsClosed { total: 3 }\nbut got\n    Paid { amount: 3 }\n"
        ),
        "{accepted}"
    );
    let other_reason = told(|| {
        let when = given::<Till>(Numbers::default()).events([Closed]).when(TillCommand::Close);
        let _ = when.then_rejected(TillError::IsClosed { total: 3 });
    });
    assert!(other_reason.ends_with("but got\n    rejected: IsClosed { total: 0 }\n"));
    let something = told(|| {
        let _ = given::<Till>(Numbers::default()).when(TillCommand::Close).then_nothing();
    });
    assert!(something.ends_with("expected\n    nothing\nbut got\n    Closed\n"), "{something}");
    let wrong_given = told(|| {
        let _ = given::<Till>(Numbers::default()).events([Closed]).command(TillCommand::Close);
    });
    assert!(wrong_given.contains("given that the command is accepted"), "{wrong_given}");
}

#[test]
fn handle_that_draws_numbers_is_found() {
    let told = told(|| {
        let _ = given::<Till>(Numbers::default()).when(TillCommand::Draw);
    });
    assert!(told.contains("the same when handled twice"), "{told}");
    assert!(
        told.contains("first\n    Paid { amount: 0 }\n    then\n    Paid { amount: 1 }"),
        "{told}"
    );
}

#[test]
fn state_that_snapshots_lose_is_found() {
    let told = told(|| {
        let _ = given::<Till>(Numbers::default()).events([Counted]).when(TillCommand::Count);
    });
    assert!(told.contains("a snapshot after event 1 that continues to"), "{told}");
    // Without a second one, nothing is built on what was lost.
    given::<Till>(Numbers::default()).when(TillCommand::Count).then([Counted]);
}

#[test]
fn event_that_does_not_come_back_is_found_produced_or_given() {
    let produced = told(|| {
        let _ = given::<Till>(Numbers::default()).when(TillCommand::Note("x"));
    });
    assert!(produced.contains("comes back from the log as it was"), "{produced}");
    let given = told(|| {
        let events = [Noted { note: "x".to_owned() }];
        let _ = given::<Till>(Numbers::default()).events(events).when(TillCommand::Nothing);
    });
    assert!(given.contains(r#"Noted { note: "" }"#), "{given}");
}

#[test]
fn event_that_cannot_be_written_is_found() {
    let long = Tagged { customer: "x".repeat(1_000) };
    let told = told(|| {
        let _ = given::<Till>(Numbers::default()).events([long]).when(TillCommand::Nothing);
    });
    assert!(told.contains("an event that can be written"), "{told}");
}

/// At most two payments by one customer, wherever.
#[derive(Debug)]
struct Admit {
    customer: String,
    till: StreamId,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0} times already")]
struct TooOften(u64);

impl Decision for Admit {
    type Event = TillEvent;
    type State = u64;
    type Error = TooOften;
    type Services = Numbers;

    fn query(&self) -> Result<EventQuery, LimitError> {
        EventQuery::any_of([QueryItem::new().tag(Tag::new("customer", &self.customer)?)])
    }

    fn apply(&self, times: &mut u64, event: &EventEnvelope<TillEvent>) {
        assert!(event.sequence.get() >= 1 && event.position.get() >= event.sequence.get());
        *times += 1;
    }

    fn decide(
        &self,
        times: &u64,
        numbers: &Numbers,
    ) -> Result<Vec<(StreamId, TillEvent)>, TooOften> {
        match (self.customer.as_str(), *times) {
            ("nobody", _) => Ok(Vec::new()),
            ("random", _) => {
                let amount = numbers.0.fetch_add(1, Ordering::Relaxed);
                Ok(vec![(self.till.clone(), Paid { amount })])
            }
            (customer, 0..2) => {
                Ok(vec![(self.till.clone(), Tagged { customer: customer.to_owned() })])
            }
            _ => Err(TooOften(*times)),
        }
    }
}

fn till(id: &str) -> StreamId {
    StreamId::new("till", id).expect("a valid stream")
}

fn by(customer: &str, id: &str) -> (StreamId, TillEvent) {
    (till(id), Tagged { customer: customer.to_owned() })
}

fn admit(customer: &str) -> Admit {
    Admit { customer: customer.to_owned(), till: till("9") }
}

#[test]
fn decision_sees_what_its_query_selects() {
    let log = || {
        given_log(Numbers::default())
            .events([by("ann", "1"), by("bob", "1"), (till("1"), Closed)])
            .events([by("ann", "2")])
    };
    log().when(admit("ann")).then_rejected(TooOften(2));
    log().when(admit("bob")).then([by("bob", "9")]);
    log().when(admit("nobody")).then_nothing();
}

#[test]
fn failed_decision_tells_its_story_and_impure_one_is_found() {
    let wrong = told(|| {
        let when = given_log(Numbers::default()).events([by("ann", "1")]).when(admit("ann"));
        let _ = when.then_rejected(TooOften(1));
    });
    assert!(wrong.contains(r#"given"#) && wrong.contains(r#"till/1: Tagged { customer: "ann" }"#));
    assert!(wrong.ends_with("but got\n    till/9: Tagged { customer: \"ann\" }\n"), "{wrong}");
    let impure = told(|| {
        let _ = given_log(Numbers::default()).when(admit("random"));
    });
    assert!(impure.contains("the same when decided twice"), "{impure}");
}
