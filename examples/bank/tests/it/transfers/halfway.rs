//! Sagas that stop after some of their actions, as if their process had been killed there.

use std::sync::Arc;

use annals::{SagaDriver, Sequence, SystemClock};
use bank::services::BankServices;
use bank::store::{Access, StoreUrl};
use bank::transfer::{Transfer, TransferId, TransferOrder};
use bank::transfer_saga::TransferSaga;
use bank::transfers::{TransferTerms, Transfers};

use crate::home::{Home, block_on};

/// The actions of a saga whose transfer succeeds: taking the event, then doing each of three steps
/// and taking note of that.
pub(super) const ACTIONS: usize = 7;

/// Taking the event, withdrawing, and taking note of that.
pub(super) const WITHDRAWN: usize = 3;

/// Asks for a transfer, and makes it as far as so many actions lead. Nobody else may have the log
/// open for writing.
pub(super) fn begin(home: &Home, order: TransferOrder, actions: usize) -> TransferId {
    let id = TransferId::generate();
    block_on(async {
        let url: StoreUrl = home.store().parse().unwrap();
        let app = url.open(Access::Write).await.unwrap();
        Transfers::new(app.clone()).ask(id, order, TransferTerms::default()).await.unwrap();
        if actions == 0 {
            return;
        }
        let driver =
            SagaDriver::<TransferSaga, BankServices>::new(app.clone(), Arc::new(SystemClock));
        let history = app.history::<Transfer>(&id, Sequence::ZERO, 1).await.unwrap();
        driver.take(&history.events[0]).await.unwrap().unwrap();
        advance(&driver, &id.to_string(), actions - 1).await;
    });
    id
}

async fn advance(
    driver: &SagaDriver<TransferSaga, BankServices>,
    instance: &str,
    mut actions: usize,
) {
    while actions > 0 {
        let state = driver.load(instance).await.unwrap().state;
        let origin = state.origin().unwrap().clone();
        let step = state.open_steps().next().unwrap().clone();
        let outcome = driver.dispatch(instance, &origin, &step).await;
        if actions >= 2 {
            driver.record(instance, &origin, &step, 1, outcome).await.unwrap().unwrap();
        }
        actions = actions.saturating_sub(2);
    }
}
