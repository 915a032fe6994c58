//! The whole log, read as a projection reads it.

use std::sync::Arc;

use annals::{EventStore, Position, Read, codec};

use crate::domain::Event;

/// Decodes one page while the next is read.
pub(crate) async fn scan(store: &Arc<dyn EventStore>) -> anyhow::Result<u64> {
    let read = |after| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.read(Read::all().after(after).limit(2_000)).await })
    };
    let (mut next, mut count) = (Some(read(Position::ZERO)), 0);
    while let Some(page) = next.take() {
        let page = page.await??;
        next = page.has_more.then(|| read(page.through));
        for event in &page.events {
            std::hint::black_box(codec::decode::<Event>(event)?);
            count += 1;
        }
    }
    Ok(count)
}
