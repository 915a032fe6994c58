//! Learning from the log that a transfer has ended.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use annals::limits::PAGE_EVENTS_MAX;
use annals::{EventEnvelope, EventStore, Subscription, types_of};
use anyhow::{Context, bail};
use tokio::sync::oneshot;

use super::transfer::TransferEvent;

/// Those who wait for transfers to end.
pub(super) struct Ends {
    log: tokio::sync::Mutex<Subscription<EventEnvelope<TransferEvent>>>,
    /// By transfer.
    waiting: Mutex<HashMap<String, oneshot::Sender<Instant>>>,
}

impl Ends {
    pub(super) fn of(store: Arc<dyn EventStore>) -> anyhow::Result<Self> {
        let log = Subscription::new(store, types_of::<TransferEvent>()?).typed();
        Ok(Self { log: tokio::sync::Mutex::new(log), waiting: Mutex::default() })
    }

    /// When the log shows the end of the transfer, which is not requested yet.
    pub(super) fn expect(&self, transfer: &str) -> oneshot::Receiver<Instant> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(transfer.to_owned(), tell);
        told
    }

    /// Reads the log and tells those who wait. Returns if that fails, or a transfer does.
    pub(super) async fn tell(&self) -> anyhow::Result<Infallible> {
        let mut log = self.log.lock().await;
        loop {
            let batch = log.next_batch(PAGE_EVENTS_MAX).await?;
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for EventEnvelope { stream, event, .. } in batch.events {
                match event {
                    TransferEvent::Requested(_) => {}
                    TransferEvent::Failed { reason } => bail!("{stream}: {reason}"),
                    TransferEvent::Completed => {
                        let told = waiting.remove(stream.aggregate_id());
                        // Whoever asked may be gone.
                        let _ = told.context("a transfer ended twice")?.send(Instant::now());
                    }
                }
            }
        }
    }
}
