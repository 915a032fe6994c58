//! What operators see and order.

use std::sync::atomic::Ordering;

use annals_core::{SagaError, SagaState};
use annals_runtime::{SagaList, SagaOrder, SagaSummary, SagasError};

use super::house::House;
use super::payment::WalletCommand;

#[tokio::test(start_paused = true)]
async fn step_that_fails_too_often_is_parked_until_somebody_retries_it() {
    let house = House::new();
    house.fill("a", 100).await;
    house.world.letters_fail.store(4, Ordering::SeqCst);
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    let parked = process.listed("1", "parked").await;
    let open = &parked.open[0];
    let why = open.parked.as_ref().unwrap();
    assert_eq!((open.name.as_str(), why.attempts), ("SendLetter", 3));
    assert_eq!(why.error, "the post office is closed");
    let detail = process.sagas.show("payment", "1").await.unwrap();
    assert_eq!(detail.open[0].parked.as_ref(), Some(why));
    process
        .sagas
        .order("payment", "1", SagaOrder::retry("alice", "the strike is over"))
        .await
        .unwrap();
    process.ended("1", SagaState::Completed).await;
    let detail = process.sagas.show("payment", "1").await.unwrap();
    let order = detail.timeline.iter().find(|entry| entry.event_type == "saga.retry_ordered");
    let order = order.unwrap();
    assert_eq!(
        (&order.event["by"], &order.event["why"]),
        (&"alice".into(), &"the strike is over".into())
    );
    assert_eq!(order.metadata.actor.as_deref(), Some("alice"));
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rejected_compensation_waits_for_somebody_and_can_be_tried_again() {
    let house = House::new();
    house.fill("a", 100).await;
    house.world.letters_fail.store(u32::MAX, Ordering::SeqCst);
    let process = house.start();
    house.order("1", "a", "b", 30).await;
    process.listed("1", "parked").await;
    house.tell("a", WalletCommand::Close).await;
    process
        .sagas
        .order("payment", "1", SagaOrder::compensate("bob", "it took too long"))
        .await
        .unwrap();
    let is_parked = |found: &SagaSummary| {
        found.state == SagaState::Compensating && found.listed_state() == "parked"
    };
    let parked = process.found("1", is_parked).await;
    assert!(parked.open[0].parked.as_ref().unwrap().is_rejected);
    house.tell("a", WalletCommand::Open).await;
    process.sagas.order("payment", "1", SagaOrder::retry("bob", "it is open again")).await.unwrap();
    let ended = process.ended("1", SagaState::Failed).await;
    assert_eq!(ended.reason.as_deref(), Some("it took too long"));
    assert_eq!(house.amount("a").await, 100);
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn abandoned_instance_takes_nothing_more() {
    let house = House::new();
    let process = house.start();
    house.order("1", "a", "b", 0).await;
    process.listed("1", "running").await;
    process.sagas.order("payment", "1", SagaOrder::abandon("bob", "a mistake")).await.unwrap();
    let ended = process.ended("1", SagaState::Abandoned).await;
    assert_eq!(ended.reason.as_deref(), Some("a mistake"));
    let refused =
        process.sagas.order("payment", "1", SagaOrder::abandon("bob", "again")).await.unwrap_err();
    assert!(matches!(refused, SagasError::Refused(SagaError::Ended)), "{refused:?}");
    house.stop_order("1").await;
    process.stop().await;
    assert_eq!(house.sagas().show("payment", "1").await.unwrap().state, SagaState::Abandoned);
}

#[tokio::test(start_paused = true)]
async fn instance_is_told_something_from_outside() {
    let house = House::new();
    let process = house.start();
    house.order("1", "a", "b", 0).await;
    process.listed("1", "running").await;
    let sagas = &process.sagas;
    let wrong = sagas.order("payment", "1", SagaOrder::signal(7.into(), "bob")).await.unwrap_err();
    assert!(matches!(wrong, SagasError::Form { .. }), "{wrong:?}");
    sagas.order("payment", "1", SagaOrder::signal("never mind".into(), "bob")).await.unwrap();
    process.ended("1", SagaState::Completed).await;
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn orders_that_make_no_sense_are_refused_and_say_why() {
    let house = House::new();
    let sagas = house.sagas();
    let unknown = sagas.order("payments", "1", SagaOrder::retry("bob", "")).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no saga payments in this program, only payment");
    let missing = sagas.order("payment", "1", SagaOrder::retry("bob", "")).await.unwrap_err();
    assert!(matches!(missing, SagasError::NotFound { .. }), "{missing:?}");
    let nobody = sagas.order("payment", "1", SagaOrder::abandon(" ", "why")).await.unwrap_err();
    assert!(matches!(nobody, SagasError::Limit(_)), "{nobody:?}");
    let no_reason = sagas.order("payment", "1", SagaOrder::abandon("bob", "")).await.unwrap_err();
    assert!(matches!(no_reason, SagasError::Limit(_)), "{no_reason:?}");
}

#[tokio::test(start_paused = true)]
async fn instances_are_listed_by_saga_state_and_age_page_by_page() {
    let house = House::new();
    let process = house.start();
    for order in 0..5 {
        house.order(&order.to_string(), "a", "b", i64::from(order % 2)).await;
        process.listed(&order.to_string(), if order % 2 == 0 { "running" } else { "failed" }).await;
        house.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let state = Some("running".to_owned());
    let mut list = SagaList { state, limit: 2, ..SagaList::default() };
    for saga in [None, Some("payment".to_owned())] {
        list = SagaList { saga, after: None, ..list };
        let mut ids = Vec::new();
        loop {
            let page = process.sagas.list(&list).await.unwrap();
            ids.extend(page.instances.into_iter().map(|summary| summary.id));
            list.after = page.next;
            if list.after.is_none() {
                break;
            }
        }
        assert_eq!(ids, ["0", "2", "4"]);
    }
    let newest = SagaList { is_newest_first: true, limit: 1, ..SagaList::default() };
    assert_eq!(process.sagas.list(&newest).await.unwrap().instances[0].id, "4");
    process.stop().await;
}
