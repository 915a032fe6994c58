//! Somebody who reads the log as it grows, and keeps the books.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use annals::limits::PAGE_EVENTS_MAX;
use annals::{EventStore, Position, Read, ReadError};
use bank::store::{Access, StoreUrl};

use super::books::Books;
use crate::home::block_on;

/// How long to wait for news before saying that there are none.
const QUIET: Duration = Duration::from_millis(100);

/// How far the reader has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) through: Position,
    pub(super) ended: usize,
    pub(super) is_settled: bool,
}

/// Reads the log until it ends after it `is_over`. Ends at once when the books do not add up.
pub(super) fn follow(
    store: &str,
    is_over: &AtomicBool,
    progress: mpsc::Sender<Progress>,
) -> Result<Books, String> {
    let url: StoreUrl = store.parse().unwrap();
    block_on(async {
        let app = url.open(Access::Read).await.unwrap();
        let store = &**app.store();
        let mut books = Books::default();
        loop {
            // Asked first: what was written before it was over is read all the same.
            let was_over = is_over.load(Ordering::SeqCst);
            let grew = read_on(store, &mut books).await?;
            let (through, ended) = (books.through(), books.ended());
            // Whoever listens may have seen enough.
            let is_settled = books.are_settled();
            let _ = progress.send(Progress { through, ended, is_settled });
            if !grew {
                if was_over {
                    return Ok(books);
                }
                let news = tokio::time::timeout(QUIET, store.wait_past(through)).await;
                if let Ok(Err(error)) = news {
                    assert!(matches!(error, ReadError::Unavailable { .. }), "{error:?}");
                }
            }
        }
    })
}

/// Reads a page, and tells whether there was anything on it.
async fn read_on(store: &dyn EventStore, books: &mut Books) -> Result<bool, String> {
    let read = Read::all().after(books.through()).limit(PAGE_EVENTS_MAX);
    let page = match store.read(read).await {
        Ok(page) => page,
        // Its session was cut, or the server is being started again.
        Err(ReadError::Unavailable { .. }) => return Ok(true),
        Err(error) => panic!("{error:?}"),
    };
    for event in &page.events {
        books.take(event)?;
    }
    Ok(!page.events.is_empty())
}
