//! The operations themselves, without anything around them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals::App;
use bank::account::{Account, AccountCommand, AccountId, OwnerName};
use bank::money::Money;
use bank::read_models::{ReadModels, ReadModelsPlace};
use bank::services::BankServices;
use bank::store::{Access, StoreUrl};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::{ACCOUNTS, CLIENTS};

fn account_id(number: usize) -> anyhow::Result<AccountId> {
    Ok(AccountId::new(format!("a{number:05}"))?)
}

async fn open(log: &Path) -> anyhow::Result<App<BankServices>> {
    Ok(StoreUrl::Sqlite(log.to_owned()).open(Access::Write).await?)
}

/// Makes a log in which all accounts are open.
pub(crate) async fn open_accounts(log: &Path) -> anyhow::Result<()> {
    let app = open(log).await?;
    let mut tasks = JoinSet::new();
    for client in 0..CLIENTS {
        let app = app.clone();
        tasks.spawn(async move {
            for number in (client..ACCOUNTS).step_by(CLIENTS) {
                let owner_name = OwnerName::new("Ada Lovelace")?;
                let command =
                    AccountCommand::OpenAccount { owner_name, initial_balance: Money::ZERO };
                app.execute::<Account>(&account_id(number)?, command).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

/// What goes on beside the deposits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// The read models are kept up to date, as where the bank is served.
    ReadModels,
}

/// Deposits in a second, by as many tasks.
pub(crate) async fn deposit(
    log: &Path,
    clients: usize,
    time: Duration,
    beside: Beside,
) -> anyhow::Result<f64> {
    let app = open(log).await?;
    if beside == Beside::Nothing {
        return work(&app, clients, time).await;
    }
    let place = ReadModelsPlace::beside(&StoreUrl::Sqlite(log.to_owned()));
    let models = ReadModels::open(&place, &app, Access::Write).await?;
    let (end, is_over) = oneshot::channel::<()>();
    let run = models.run(async { is_over.await.unwrap_or_default() });
    let work = async {
        // As long as it takes to see what was written before.
        tokio::time::sleep(time).await;
        let rate = work(&app, clients, time).await;
        drop(end);
        rate
    };
    let (ran, rate) = tokio::join!(run, work);
    ran?;
    rate
}

async fn work(app: &App<BankServices>, clients: usize, time: Duration) -> anyhow::Result<f64> {
    let is_over = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (app, is_over, done) = (app.clone(), Arc::clone(&is_over), Arc::clone(&done));
        tasks.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let id = account_id(rand::random_range(0..ACCOUNTS))?;
                let command = AccountCommand::DepositMoney { amount: Money::from_minor(100) };
                app.execute::<Account>(&id, command).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    tokio::time::sleep(time).await;
    is_over.store(true, Ordering::Relaxed);
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let done = done.load(Ordering::Relaxed) as f64;
    Ok(done / begun.elapsed().as_secs_f64())
}
