//! Looking after the sagas.

use annals::{SagaDetail, SagaList, SagaPage, SagasError};

use super::{ReadModels, on_kept};

/// Who gives an order, and why. Both are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SagaOrder {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

impl ReadModels {
    /// A page of saga instances.
    ///
    /// # Errors
    ///
    /// As [`Sagas::list`](annals::Sagas::list).
    pub async fn list_sagas(&self, list: &SagaList) -> Result<SagaPage, SagasError> {
        on_kept!(self, kept => kept.sagas.list(list).await)
    }

    /// One instance, as it is now.
    ///
    /// # Errors
    ///
    /// As [`Sagas::show`](annals::Sagas::show).
    pub async fn show_saga(&self, saga: &str, id: &str) -> Result<SagaDetail, SagasError> {
        on_kept!(self, kept => kept.sagas.show(saga, id).await)
    }

    /// Has everything tried again that is parked in an instance.
    ///
    /// # Errors
    ///
    /// As [`Sagas::retry`](annals::Sagas::retry).
    pub async fn retry_saga(
        &self,
        saga: &str,
        id: &str,
        SagaOrder { by, why }: &SagaOrder,
    ) -> Result<(), SagasError> {
        on_kept!(self, kept => kept.sagas.retry(saga, id, by, why).await)
    }

    /// Has an instance fail and what it did compensated.
    ///
    /// # Errors
    ///
    /// As [`Sagas::compensate`](annals::Sagas::compensate).
    pub async fn compensate_saga(
        &self,
        saga: &str,
        id: &str,
        SagaOrder { by, why }: &SagaOrder,
    ) -> Result<(), SagasError> {
        on_kept!(self, kept => kept.sagas.compensate(saga, id, by, why).await)
    }

    /// Ends an instance as it is.
    ///
    /// # Errors
    ///
    /// As [`Sagas::abandon`](annals::Sagas::abandon).
    pub async fn abandon_saga(
        &self,
        saga: &str,
        id: &str,
        SagaOrder { by, why }: &SagaOrder,
    ) -> Result<(), SagasError> {
        on_kept!(self, kept => kept.sagas.abandon(saga, id, by, why).await)
    }
}
