//! A network between the store and the server that a test can cut.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to a server, until it is told otherwise. Each order is carried out once,
/// on the first connection it fits.
#[derive(Debug)]
pub(crate) struct Proxy {
    url: String,
    orders: Arc<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    /// Once the client has said this, nothing the server says gets through any more.
    swallow_answers_after: Mutex<Option<&'static str>>,
    /// This and what follows does not get to the server.
    swallow_questions_from: Mutex<Option<&'static str>>,
    /// What comes before this gets to the server, and then nothing more.
    stall_before: Mutex<Option<&'static str>>,
}

impl Proxy {
    /// A network to the server of this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let (before, rest) = url.rsplit_once('@').expect("the URL has a user");
        let (address, path) = rest.split_once('/').expect("the URL has a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let own = listener.local_addr().expect("it is bound");
        let orders = Arc::new(Orders::default());
        tokio::spawn(accept(listener, address.to_owned(), Arc::clone(&orders)));
        Self { url: format!("{before}@{own}/{path}"), orders }
    }

    /// The URL of the server, through this network.
    pub(crate) fn url(&self) -> String {
        format!("{}?sslmode=disable", self.url)
    }

    pub(crate) fn swallow_answers_after(&self, words: &'static str) {
        *self.orders.swallow_answers_after.lock().expect("nobody panics with it") = Some(words);
    }

    pub(crate) fn swallow_questions_from(&self, words: &'static str) {
        *self.orders.swallow_questions_from.lock().expect("nobody panics with it") = Some(words);
    }

    pub(crate) fn stall_before(&self, words: &'static str) {
        *self.orders.stall_before.lock().expect("nobody panics with it") = Some(words);
    }
}

/// Bytes of a command that come before its words: its kind, and its length.
const COMMAND_HEADER: usize = 5;

/// How the server says that it has committed.
const COMMITTED: &[u8] = b"COMMIT\0";

async fn accept(listener: TcpListener, server: String, orders: Arc<Orders>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(&server).await.expect("the server of the tests answers");
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(questions(from_client, to_server, Arc::clone(&orders), cut));
        tokio::spawn(answers(from_server, to_client, is_cut));
    }
}

/// Takes an order if the client has just said its words.
fn fits(order: &Mutex<Option<&'static str>>, said: &[u8]) -> bool {
    place(order, said).is_some()
}

/// As [`fits`], and where the words begin.
fn place(order: &Mutex<Option<&'static str>>, said: &[u8]) -> Option<usize> {
    let mut order = order.lock().expect("nobody panics with it");
    let words = order.as_ref()?.as_bytes();
    let place = said.windows(words.len()).position(|window| window == words)?;
    *order = None;
    Some(place)
}

async fn questions(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    orders: Arc<Orders>,
    cut: watch::Sender<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = client.read(&mut buffer).await {
        let said = buffer.get(..length).unwrap_or_default();
        if length == 0 || fits(&orders.swallow_questions_from, said) {
            break;
        }
        if fits(&orders.swallow_answers_after, said) {
            let _ = cut.send(true);
        }
        if let Some(place) = place(&orders.stall_before, said) {
            let before = said.get(..place.saturating_sub(COMMAND_HEADER)).unwrap_or_default();
            let _ = server.write_all(before).await;
            // Until the client or the server gives up.
            while client.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
            break;
        }
        if server.write_all(said).await.is_err() {
            break;
        }
    }
    // Both sides see the connection end.
    let _ = cut.send(true);
}

async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    mut is_cut: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = tokio::select! {
            biased;
            _ = is_cut.wait_for(|is_cut| *is_cut) => break,
            length = server.read(&mut buffer) => length.unwrap_or(0),
        };
        let answer = buffer.get(..length).unwrap_or_default();
        if length == 0 || client.write_all(answer).await.is_err() {
            return;
        }
    }
    // The server gets to carry out what it has heard, and says when it has committed.
    let mut heard: Vec<u8> = Vec::new();
    while !heard.windows(COMMITTED.len()).any(|window| window == COMMITTED) {
        match server.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => heard.extend(buffer.iter().take(length)),
        }
    }
    let _ = client.shutdown().await;
}
