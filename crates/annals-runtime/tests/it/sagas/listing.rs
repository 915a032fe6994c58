//! Which instances and timers an operator finds.

use std::sync::atomic::Ordering;

use annals_core::{Clock, CommandId, SagaState, Sequence};
use annals_runtime::{
    SagaList, SagaOrder, SagaSummary, SagasError, TimerList, TimerPage, TimerState,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::house::{House, Process};
use super::payment::WalletCommand;

/// Orders of nothing wait for an hour, and these are ordered a minute apart.
async fn waiting(house: &House, process: &Process, ids: &[&str]) {
    for id in ids {
        house.order(id, "a", "b", 0).await;
        process.listed(id, "running").await;
        house.clock.advance(TimeDelta::minutes(1));
    }
}

fn ids(instances: &[SagaSummary]) -> Vec<&str> {
    instances.iter().map(|instance| instance.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn instances_are_listed_that_began_before_a_moment() {
    let house = House::new();
    let process = house.start();
    let started_at = house.clock.now();
    waiting(&house, &process, &["0", "1", "2", "3"]).await;
    let began_before = Some(started_at + TimeDelta::minutes(2));
    for (is_newest_first, expected) in [(false, ["0", "1"]), (true, ["1", "0"])] {
        let mut list = SagaList { began_before, is_newest_first, limit: 1, ..SagaList::default() };
        let mut found = Vec::new();
        loop {
            let page = process.sagas.list(&list).await.unwrap();
            found.extend(page.instances);
            list.after = page.next;
            if list.after.is_none() {
                break;
            }
        }
        assert_eq!(ids(&found), expected);
    }
    let end_of_time = Some(DateTime::<Utc>::MAX_UTC);
    let list = SagaList { began_before: end_of_time, limit: 10, ..SagaList::default() };
    assert_eq!(process.sagas.list(&list).await.unwrap().instances.len(), 4);
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn timers_are_due_or_pending_and_come_in_pages() {
    let house = House::new();
    let process = house.start();
    waiting(&house, &process, &["0", "1", "2"]).await;
    process.stop().await;
    // Nobody fires what is due now.
    house.clock.advance(TimeDelta::minutes(58) + TimeDelta::seconds(30));
    let sagas = house.sagas();
    let timers = |page: &TimerPage| -> Vec<(String, TimerState)> {
        page.timers.iter().map(|timer| (timer.id.clone(), timer.state)).collect()
    };
    let all = sagas.timers(&TimerList { limit: 10, ..TimerList::default() }).await.unwrap();
    let (due, pending) = (TimerState::Due, TimerState::Pending);
    let expected = [("0".into(), due), ("1".into(), due), ("2".into(), pending)];
    assert_eq!((timers(&all), all.next.is_none()), (expected.to_vec(), true));
    for (state, expected) in [(due, &expected[..2]), (pending, &expected[2..])] {
        let mut list = TimerList { state: Some(state), limit: 1, after: None };
        let mut found = Vec::new();
        loop {
            let page = sagas.timers(&list).await.unwrap();
            found.extend(timers(&page));
            list.after = page.next;
            if list.after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn order_with_a_command_id_is_given_once() {
    let house = House::new();
    let process = house.start();
    waiting(&house, &process, &["1"]).await;
    let sagas = &process.sagas;
    let stale = SagaOrder::abandon("bob", "a mistake").expect_sequence(Sequence::ZERO);
    let refused = sagas.order("payment", "1", stale).await.unwrap_err();
    assert!(matches!(refused, SagasError::Order(_)), "{refused:?}");
    let id = CommandId::new();
    let order = || SagaOrder::abandon("bob", "a mistake").command_id(id);
    let first = sagas.order("payment", "1", order()).await.unwrap();
    let again = sagas.order("payment", "1", order()).await.unwrap();
    assert_eq!((first.repeated, again.repeated), (false, true));
    assert_eq!((first.sequence, first.token), (again.sequence, again.token));
    process.ended("1", SagaState::Abandoned).await;
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rejections_are_told_in_words() {
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
    let is_rejected = |found: &SagaSummary| {
        let parked = found.open.first().and_then(|step| step.parked.as_ref());
        parked.is_some_and(|parked| parked.is_rejected)
    };
    let parked = process.found("1", is_rejected).await;
    assert_eq!(parked.open[0].parked.as_ref().unwrap().error, "it is closed");
    let detail = process.sagas.show("payment", "1").await.unwrap();
    let told: Vec<_> = detail.timeline.iter().filter_map(|it| it.rejection.as_deref()).collect();
    assert_eq!(told, ["it is closed"]);
    process.stop().await;
}

/// One letter took ten seconds, because it had to be retried, and so ten seconds are usual.
#[tokio::test(start_paused = true)]
async fn step_is_late_that_takes_many_times_as_long_as_usual() {
    let house = House::new();
    house.fill("a", 100).await;
    let letters = &house.world.letters_fail;
    letters.store(u32::MAX, Ordering::SeqCst);
    let process = house.start();
    let open = async |id: &str| {
        let detail = process.sagas.show("payment", id).await.unwrap();
        let step = detail.open.first().unwrap();
        assert_eq!(step.name, "SendLetter");
        (step.usual, step.is_late)
    };
    house.order("1", "a", "b", 30).await;
    process.listed("1", "parked").await;
    house.clock.advance(TimeDelta::seconds(10));
    assert_eq!(open("1").await, (None, false), "nobody knows what is usual yet");
    letters.store(0, Ordering::SeqCst);
    let retry = SagaOrder::retry("bob", "they are back");
    process.sagas.order("payment", "1", retry).await.unwrap();
    process.ended("1", SagaState::Completed).await;

    letters.store(u32::MAX, Ordering::SeqCst);
    house.order("2", "a", "b", 30).await;
    process.listed("2", "parked").await;
    house.clock.advance(TimeDelta::seconds(50));
    assert_eq!(open("2").await, (Some(10.0), false));
    house.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(open("2").await, (Some(10.0), true));
    process.stop().await;
}
