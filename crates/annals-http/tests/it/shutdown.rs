//! Stopping without losing what was accepted.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{read_answer, request};
use crate::house::{House, Plan};

#[tokio::test]
async fn requests_under_way_are_answered_and_no_others_are_taken() {
    let mut house = House::new().await;
    let mut slow = TcpStream::connect(house.address).await.unwrap();
    slow.write_all(request("GET", "/slow", &[], "").as_bytes()).await.unwrap();
    house.begun.acquire().await.unwrap().forget();
    house.stop();
    while TcpStream::connect(house.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    house.may_end.add_permits(1);
    let answer = read_answer(&mut slow).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"at last"[..]));
    house.stopped().await;
}

#[tokio::test]
async fn clients_of_the_feed_are_sent_away() {
    let mut house = House::new().await;
    let mut events = house.follow("/events").await;
    house.count_up("a", 1).await.json(200);
    assert_eq!(events.next().await.unwrap().0, 1);
    house.stop();
    assert_eq!(events.next().await, None);
    house.stopped().await;
}

#[tokio::test]
async fn idle_connections_are_closed_at_once_and_what_never_ends_is_cut_off() {
    let mut plan = Plan::default();
    plan.server.shutdown_within = Duration::from_millis(100);
    let mut house = House::with(plan).await;
    let _idle = TcpStream::connect(house.address).await.unwrap();
    let mut slow = TcpStream::connect(house.address).await.unwrap();
    slow.write_all(request("GET", "/slow", &[], "").as_bytes()).await.unwrap();
    house.begun.acquire().await.unwrap().forget();
    house.stop();
    house.stopped().await;
}

#[tokio::test]
async fn every_answer_that_was_given_while_stopping_is_in_the_log() {
    let mut house = House::new().await;
    let address = house.address;
    let clients: Vec<_> = (0..16)
        .map(|client| {
            tokio::spawn(async move {
                let mut answered = 0_u64;
                loop {
                    let path = format!("/counters/{client}/up");
                    let text = request("POST", &path, &[], r#"{"by":1}"#);
                    let Ok(mut stream) = TcpStream::connect(address).await else { break };
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        break;
                    }
                    let mut bytes = Vec::new();
                    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await;
                    if read.is_err() || !bytes.starts_with(b"HTTP/1.1 200") {
                        break;
                    }
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    while house.store.head().await.unwrap().get() < 200 {
        tokio::task::yield_now().await;
    }
    house.stop();
    house.stopped().await;
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    assert_eq!(house.store.head().await.unwrap().get(), answered);
}
