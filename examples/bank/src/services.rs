//! What the domain may ask besides its state.

use std::sync::Arc;

use annals::{Clock, SystemClock};

/// What the rules of the bank may ask besides the state: plain values, no I/O.
#[derive(Debug, Clone)]
pub struct BankServices {
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for BankServices {
    /// The machine's own clock.
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock) }
    }
}
