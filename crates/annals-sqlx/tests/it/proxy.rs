//! A network between the read models and the server that ends when certain words are said.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What ends a transaction. The zero is part of it: transactions begin with `READ COMMITTED`.
pub(crate) const COMMIT: &str = "COMMIT\0";

/// When a connection ends. Once: the next connection is whole again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Before the server hears these words.
    Before(&'static str),
    /// After the server has heard these words, and before its answer arrives.
    AnswerTo(&'static str),
}

/// Forwards connections to a server.
#[derive(Debug)]
pub(crate) struct Proxy {
    url: String,
    cut: Arc<Mutex<Option<Cut>>>,
}

impl Proxy {
    /// A network to the server of this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let (before, rest) = url.rsplit_once('@').expect("the URL has a user");
        let (address, path) = rest.split_once('/').expect("the URL has a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let own = listener.local_addr().expect("it is bound");
        let (address, cut) = (address.to_owned(), Arc::default());
        let url = format!("{before}@{own}/{path}?sslmode=disable");
        let orders = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await;
                let server = server.expect("the server of the tests answers");
                tokio::spawn(forward(client, server, Arc::clone(&orders)));
            }
        });
        Self { url, cut }
    }

    /// The URL of the server, through this network.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends the connection on which certain words are said next.
    pub(crate) fn cut(&self, cut: Cut) {
        *self.cut.lock().expect("nobody panics with it") = Some(cut);
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, orders: Arc<Mutex<Option<Cut>>>) {
    let (mut question, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            length = client.read(&mut question) => {
                let Ok(length @ 1..) = length else { return };
                let said = question.get(..length).unwrap_or_default();
                match take(&orders, said) {
                    Some(Cut::Before(_)) => return,
                    Some(Cut::AnswerTo(_)) => {
                        let _ = server.write_all(said).await;
                        // The server has done what it was told when it answers.
                        let _ = server.read(&mut answer).await;
                        return;
                    }
                    None if server.write_all(said).await.is_err() => return,
                    None => {}
                }
            }
            length = server.read(&mut answer) => {
                let Ok(length @ 1..) = length else { return };
                let said = answer.get(..length).unwrap_or_default();
                if client.write_all(said).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The order that fits what the client has just said.
fn take(orders: &Mutex<Option<Cut>>, said: &[u8]) -> Option<Cut> {
    let mut order = orders.lock().expect("nobody panics with it");
    let (Cut::Before(words) | Cut::AnswerTo(words)) = (*order)?;
    let is_said = said.windows(words.len()).any(|window| window == words.as_bytes());
    if is_said { order.take() } else { None }
}
