//! The live feed.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{EventStore, MemoryStore};
use annals_http::FeedOptions;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Events, request};
use crate::counter::append;
use crate::house::{House, Plan};

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let house = House::new().await;
    house.count_up("a", 1).await.json(200);
    let mut events = house.follow("/events").await;
    assert_eq!(events.next_place().await, Some(1));
    house.count_up("b", 2).await.json(200);
    let (id, event) = events.next().await.unwrap();
    assert_eq!(id, 2);
    assert_eq!(event["event_type"], "counted_up");
    assert_eq!(event["aggregate_id"], "b");
    assert_eq!(event["payload"]["by"], 2);
    assert!(event["metadata"]["correlation_id"].is_string());
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    append(&*store, "a", "", 500).await;
    let house = House::with(Plan { store: Arc::clone(&store), ..Plan::default() }).await;
    let writing = tokio::spawn(async move { append(&*store, "b", "", 1_500).await });
    let mut last = 0;
    // Each connection is left after some events, in the middle of what happens.
    for part in 1..=10 {
        let headers = [("last-event-id", last.to_string())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut events = Events::connect(house.address, "/events?after=7", &headers).await.unwrap();
        while last < part * 200 {
            let (id, event) = events.next().await.unwrap();
            assert_eq!((id, event["position"].as_u64()), (last + 1, Some(last + 1)));
            last = id;
        }
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_client_gets_what_it_selects_whether_it_has_missed_it_or_not() {
    let house = House::new().await;
    let selections = [
        ("/events?after=0&event_types=counted_a_lot", vec![2, 5]),
        ("/events?after=0&aggregate_type=counter&aggregate_id=a", vec![1, 2, 4, 5]),
        ("/events?after=0&aggregate_type=counter", vec![1, 2, 3, 4, 5, 6]),
        ("/events?after=0&event_types=counted_up,other&aggregate_type=counter", vec![1, 3, 4, 6]),
        ("/events?after=2&event_types=counted_a_lot,counted_up", vec![3, 4, 5, 6]),
    ];
    let up = |id: &'static str, by| house.count_up(id, by);
    for (id, by) in [("a", 1), ("a", 100), ("b", 1)] {
        up(id, by).await.json(200);
    }
    let mut clients = Vec::new();
    for (path, _) in &selections {
        clients.push(house.follow(path).await);
    }
    for (id, by) in [("a", 1), ("a", 100), ("b", 1)] {
        up(id, by).await.json(200);
    }
    for (client, (path, expected)) in clients.iter_mut().zip(selections) {
        for id in expected {
            assert_eq!(client.next().await.unwrap().0, id, "{path}");
        }
    }
}

#[tokio::test]
async fn an_event_too_large_for_the_ring_is_told_as_well() {
    let house = House::new().await;
    let mut events = house.follow("/events").await;
    events.next_place().await.unwrap();
    let note = "x".repeat(100_000);
    append(&*house.store, "a", &note, 2).await;
    for id in 1..=2 {
        let (found, event) = events.next().await.unwrap();
        assert_eq!((found, event["payload"]["note"].as_str()), (id, Some(note.as_str())));
    }
}

#[tokio::test]
async fn who_hears_nothing_is_told_the_place_now_and_then() {
    let mut feed = FeedOptions::default();
    feed.heartbeat = Duration::from_millis(50);
    let house = House::with(Plan { feed, ..Plan::default() }).await;
    let mut events = house.follow("/events?event_types=never").await;
    assert_eq!(events.next_place().await, Some(0));
    append(&*house.store, "a", "", 3).await;
    while events.next_place().await.unwrap() < 3 {}
}

#[tokio::test]
async fn there_is_a_place_for_so_many_clients_and_it_is_given_back() {
    let mut feed = FeedOptions::default();
    feed.clients_max = 2;
    feed.heartbeat = Duration::from_millis(20);
    let house = House::with(Plan { feed, ..Plan::default() }).await;
    let (one, _two) = (house.follow("/events").await, house.follow("/events").await);
    let refused = Events::connect(house.address, "/events", &[]).await.unwrap_err();
    assert_eq!((refused.status, refused.code().as_str()), (503, "feed_full"));
    assert!(refused.header("retry-after").is_some());
    drop(one);
    // The server finds out with its next word to that client.
    while house.feed.clients() > 1 {
        tokio::task::yield_now().await;
    }
    house.follow("/events").await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off_and_holds_up_nobody() {
    let mut plan = Plan::default();
    plan.server.write_within = Duration::from_millis(300);
    let house = House::with(plan).await;
    let mut quick = house.follow("/events").await;
    quick.next_place().await.unwrap();
    let mut stuck = TcpStream::connect(house.address).await.unwrap();
    stuck.write_all(request("GET", "/events", &[], "").as_bytes()).await.unwrap();
    while house.feed.clients() < 2 {
        tokio::task::yield_now().await;
    }
    // Far more than the buffers of the operating system hold, or the ring.
    let note = "x".repeat(3_000);
    append(&*house.store, "a", &note, 10_000).await;
    let mut last = 0;
    let mut headers;
    while last < 10_000 {
        match quick.next().await {
            Some((id, _)) => {
                assert_eq!(id, last + 1);
                last = id;
            }
            // It may have been too slow for this test's writer, and goes on where it was.
            None => {
                headers = [("last-event-id", last.to_string())];
                let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
                quick = Events::connect(house.address, "/events", &headers).await.unwrap();
            }
        }
    }
    while house.feed.clients() > 1 {
        tokio::task::yield_now().await;
    }
    drop(stuck);
}

#[tokio::test]
async fn a_place_that_the_log_has_not_come_to_is_refused() {
    let house = House::new().await;
    house.count_up("a", 1).await.json(200);
    for (path, status, code) in [
        ("/events?after=2", 412, "precondition_failed"),
        ("/events?after=-1", 400, "malformed_query"),
        ("/events?event_types=", 400, "malformed_query"),
        ("/events?event_types=a%20b", 400, "malformed_query"),
        ("/events?aggregate_id=a", 400, "malformed_query"),
        ("/events?types=a", 400, "malformed_query"),
    ] {
        let answer = Events::connect(house.address, path, &[]).await.unwrap_err();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
    let odd = [("last-event-id", "x")];
    let answer = Events::connect(house.address, "/events", &odd).await.unwrap_err();
    assert_eq!(answer.code(), "malformed_header");
    assert_eq!(house.feed.clients(), 0);
}
