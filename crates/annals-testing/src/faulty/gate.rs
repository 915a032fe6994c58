//! A signal that holds a call back until a test lets it go.

use std::sync::Arc;

use tokio::sync::watch;

/// Holds calls until it is opened, and tells when one has arrived. Clones are the same gate.
///
/// A gate that nobody opens holds its calls for ever.
#[derive(Debug, Clone)]
pub struct Gate {
    is_open: Arc<watch::Sender<bool>>,
    arrived: Arc<watch::Sender<usize>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self {
            is_open: Arc::new(watch::Sender::new(false)),
            arrived: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Opens it, for all calls that are held and all to come.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until at least `calls` calls have arrived at the gate, whether it is open or not.
    pub async fn arrived(&self, calls: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|count| *count >= calls).await.expect("the gate itself holds the sender");
    }

    pub(super) async fn pass(&self) {
        self.arrived.send_modify(|count| *count += 1);
        let mut is_open = self.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.expect("the gate itself holds the sender");
    }
}
