//! Events that a saga cannot keep are left to an operator, and nothing else waits for that.

use annals_core::limits::{JSON_DEPTH_MAX, PAYLOAD_BYTES_MAX};
use annals_core::{DeadLetter, DeadLetterQuery, DeadLetterRequest, DeadLetters, SagaState};
use serde_json::Value;

use super::house::{House, Process};
use super::payment::{Order, OrderEvent};

/// What the history of a saga says of an event beside the event.
const AROUND_BYTES: usize = 2_000;

async fn letter(house: &House) -> DeadLetter {
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
    loop {
        looks.tick().await;
        let query = DeadLetterQuery { limit: 10, ..DeadLetterQuery::default() };
        if let Some(letter) = house.models.dead_letters(query).await.unwrap().pop() {
            return letter;
        }
    }
}

/// An event that the log takes, but that cannot be part of another one.
async fn cannot_be_taken(event: OrderEvent, problem: &str) {
    let house = House::new();
    let process = house.start();
    house.app().execute::<Order>(&"large".to_owned(), event).await.unwrap();
    let letter = letter(&house).await;
    assert_eq!(letter.stream.aggregate_id(), "large");
    assert_eq!(letter.generation.projection, "payment");
    let kept = "kept whole in the history of the saga";
    assert!(letter.error.contains(kept) && letter.error.contains(problem), "{}", letter.error);
    assert_others_go_on(&house, &process).await;
    let request = DeadLetterRequest::Discard { by: "bob".to_owned(), why: "too large".to_owned() };
    process.sagas.projections().request(letter.id, request).await.unwrap();
    process.stop().await;
}

async fn assert_others_go_on(house: &House, process: &Process) {
    house.fill("a", 100).await;
    house.order("1", "a", "b", 30).await;
    process.ended("1", SagaState::Completed).await;
}

async fn can_be_taken(event: OrderEvent) {
    let house = House::new();
    let process = house.start();
    house.app().execute::<Order>(&"large".to_owned(), event).await.unwrap();
    process.listed("large", "running").await;
    let detail = process.sagas.show("payment", "large").await.unwrap();
    assert_eq!(detail.timeline.len(), 1);
    process.stop().await;
}

fn long(bytes: usize) -> OrderEvent {
    let around = r#"{"note":""}"#.len();
    OrderEvent::NoteTaken { note: "x".repeat(bytes - around).into() }
}

/// With the object of the event, it is so many levels deep.
fn deep(levels: usize) -> OrderEvent {
    let note = (1..levels).fold(Value::Null, |note, _| Value::Array(vec![note]));
    OrderEvent::NoteTaken { note }
}

#[tokio::test(start_paused = true)]
async fn event_that_fills_the_payload_is_left_to_an_operator() {
    cannot_be_taken(long(PAYLOAD_BYTES_MAX), "bytes, at most").await;
}

#[tokio::test(start_paused = true)]
async fn event_that_leaves_room_for_the_rest_is_taken() {
    can_be_taken(long(PAYLOAD_BYTES_MAX - AROUND_BYTES)).await;
}

#[tokio::test(start_paused = true)]
async fn event_that_is_nested_too_deep_to_be_kept_is_left_to_an_operator() {
    for levels in [JSON_DEPTH_MAX - 1, JSON_DEPTH_MAX] {
        cannot_be_taken(deep(levels), "levels deep").await;
    }
}

#[tokio::test(start_paused = true)]
async fn event_that_is_nested_two_levels_less_is_taken() {
    can_be_taken(deep(JSON_DEPTH_MAX - 2)).await;
}
