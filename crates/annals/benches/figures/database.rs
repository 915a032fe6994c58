//! Databases and sessions on the PostgreSQL server that is measured.

use std::ops::{Deref, DerefMut};

use anyhow::{Context, bail};
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::{Client, NoTls};

/// Creates an empty database in place of what a run that failed may have left, and returns its
/// URL.
pub(crate) async fn create(server: &str, name: &str) -> anyhow::Result<String> {
    remove(server, name).await?;
    connect(server).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    with_database(server, name)
}

/// Removes a database, if it is there.
pub(crate) async fn remove(server: &str, name: &str) -> anyhow::Result<()> {
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    Ok(connect(server).await?.batch_execute(&statement).await?)
}

/// The server's URL with another database.
fn with_database(server: &str, name: &str) -> anyhow::Result<String> {
    let (base, parameters) = match server.split_once('?') {
        Some((base, parameters)) => (base, format!("?{parameters}")),
        None => (server, String::new()),
    };
    let Some((scheme, rest)) = base.split_once("://") else { bail!("the URL has no scheme") };
    let authority = rest.split('/').next().unwrap_or_default();
    Ok(format!("{scheme}://{authority}/{name}{parameters}"))
}

/// A session that ends with the client.
pub(crate) async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("the server does not answer")?;
    tokio::spawn(connection);
    Ok(client)
}

/// Things that are lent to one after the other.
pub(crate) struct Pool<T> {
    idle: Mutex<mpsc::UnboundedReceiver<T>>,
    back: mpsc::UnboundedSender<T>,
}

impl<T> Pool<T> {
    pub(crate) fn new(things: Vec<T>) -> Self {
        let (back, idle) = mpsc::unbounded_channel();
        for thing in things {
            let _ = back.send(thing);
        }
        Self { idle: Mutex::new(idle), back }
    }

    /// Waits for its turn.
    pub(crate) async fn lend(&self) -> Lent<'_, T> {
        let thing = self.idle.lock().await.recv().await.expect("the pool holds a sender itself");
        Lent { thing: Some(thing), pool: self }
    }
}

/// Goes back to its pool when dropped.
pub(crate) struct Lent<'a, T> {
    thing: Option<T>,
    pool: &'a Pool<T>,
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thing.as_ref().expect("it is there until it is dropped")
    }
}

impl<T> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().expect("it is there until it is dropped")
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let _ = self.thing.take().map(|thing| self.pool.back.send(thing));
    }
}
