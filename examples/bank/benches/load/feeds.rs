//! Clients of the live feed to whom nothing happens.

use std::time::Instant;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::program::Program;

/// Connections that are begun at the same time.
const AT_ONCE: usize = 64;

/// What `clients` idle clients cost, and how long it takes until all of them have heard of an
/// event.
pub(crate) async fn measure(bank: &Program, clients: usize) -> anyhow::Result<String> {
    let before = bank.resident_bytes()?;
    let address = bank.url.strip_prefix("http://").context("a URL")?.to_owned();
    let mut tasks = JoinSet::new();
    for first in 0..AT_ONCE {
        let address = address.clone();
        let count = (first..clients).step_by(AT_ONCE).count();
        tasks.spawn(async move {
            let mut opened = Vec::with_capacity(count);
            for _ in 0..count {
                opened.push(open(&address).await?);
            }
            anyhow::Ok(opened)
        });
    }
    let mut connections = Vec::with_capacity(clients);
    while let Some(opened) = tasks.join_next().await {
        connections.extend(opened??);
    }
    let during = bank.resident_bytes()?;
    let begun = Instant::now();
    let mut heard = JoinSet::new();
    for connection in connections {
        heard.spawn(hear(connection));
    }
    let url = format!("{}/accounts/a00000/deposits", bank.url);
    tokio::task::spawn_blocking(move || {
        ureq::post(url).content_type("application/json").send(r#"{"amount": 100}"#)
    })
    .await??;
    while let Some(one) = heard.join_next().await {
        one??;
    }
    let (told, after) = (begun.elapsed(), bank.resident_bytes()?);
    Ok(format!(
        "{clients} idle clients of the feed: {} MiB before, {} MiB with them ({} KiB each), {} MiB \
         after an event that reached all of them within {} ms",
        before >> 20,
        during >> 20,
        (during - before) / clients as u64 / 1024,
        after >> 20,
        told.as_millis(),
    ))
}

/// Asks for the feed, and reads the head of the answer.
async fn open(address: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await.context(
        "cannot connect: each client needs a file descriptor here and in the bank, see ulimit -n",
    )?;
    let request =
        format!("GET /events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        ensure!(stream.read_buf(&mut head).await? > 0, "the feed ended");
    }
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// Waits for an event.
async fn hear(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut heard = Vec::new();
    while !heard.windows(15).any(|text| text == b"money_deposited") {
        ensure!(stream.read_buf(&mut heard).await? > 0, "the feed ended");
    }
    Ok(())
}
