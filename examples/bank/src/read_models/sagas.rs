//! Looking after the sagas.

use std::sync::Arc;

use annals_http::SagasAdmin;

use super::{ReadModels, on_kept};

impl ReadModels {
    /// The sagas, to ask and to order.
    #[must_use]
    pub fn sagas(&self) -> Arc<dyn SagasAdmin> {
        on_kept!(self, kept => Arc::new(kept.sagas.clone()))
    }
}
