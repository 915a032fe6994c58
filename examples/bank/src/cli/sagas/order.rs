//! `bank sagas retry`, `compensate` and `abandon`

use std::time::{Duration, Instant};

use annals::{SagaDetail, SagaOrder};
use clap::Args;
use thiserror::Error;

use super::{Which, print};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::read_models::{PATIENCE, ReadModels};
use crate::store::{Access, StoreError};

/// One instance, and who gives the order.
#[derive(Debug, Args)]
pub(in crate::cli) struct Ask {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    #[command(flatten)]
    who: Who,
}

/// One instance, who gives the order, and why.
#[derive(Debug, Args)]
pub(in crate::cli) struct AskWhy {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    who: Who,
}

/// Who gives the order, and how to write what came of it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Who {
    /// Who gives the order
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, default_value = "unknown")]
    by: String,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Pause between two looks at whether an order has been followed.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Somebody writes to the file. If it is a server, it takes the order too.
#[derive(Debug, Error)]
#[error("give the order to the server of the bank: POST /admin/sagas/{saga}/{id}/{order}")]
struct Served {
    saga: String,
    id: String,
    order: &'static str,
    source: StoreError,
}

impl Ask {
    pub(super) async fn retry(self, place: &Place) -> Result<(), Failure> {
        let Self { which, why, who: Who { by, format } } = self;
        let models = give(place, &which, "retry", SagaOrder::retry(by, why)).await?;
        follow(&models, &which, format).await
    }
}

impl AskWhy {
    pub(super) async fn compensate(self, place: &Place) -> Result<(), Failure> {
        let Self { which, why, who: Who { by, format } } = self;
        let models = give(place, &which, "compensate", SagaOrder::compensate(by, why)).await?;
        follow(&models, &which, format).await
    }

    pub(super) async fn abandon(self, place: &Place) -> Result<(), Failure> {
        let Self { which, why, who: Who { by, format } } = self;
        let models = give(place, &which, "abandon", SagaOrder::abandon(by, why)).await?;
        print(&models, &which, format).await
    }
}

/// Opens the sagas and gives an order. The instance has it by its own history: running the sagas
/// first, to bring the list up to date, would move it on before it can be stopped.
async fn give(
    place: &Place,
    which: &Which,
    name: &'static str,
    order: SagaOrder,
) -> Result<ReadModels, Failure> {
    let Which { saga, id } = which;
    let app = match place.log.open(Access::Write).await {
        Err(source) if source.is_held() => {
            let served = Served { saga: saga.clone(), id: id.clone(), order: name, source };
            return Err(Failure::new(Exit::Store, &served));
        }
        opened => opened?,
    };
    let models = place.open_read_models(&app, Access::Write).await?;
    models.sagas().order(saga, id, order).await?;
    Ok(models)
}

/// Waits until the instance has ended, or waits for an operator again, and shows it.
async fn follow(models: &ReadModels, which: &Which, format: Format) -> Result<(), Failure> {
    let is_settled = models.attended(settled(models, which)).await?;
    print(models, which, format).await?;
    if is_settled {
        return Ok(());
    }
    output::say("the order is written, but nothing more is to be seen of it yet");
    Err(Failure::silent(Exit::Unfinished))
}

/// Whether it has ended; `false` if it still goes on after [`PATIENCE`] or is parked.
async fn settled(models: &ReadModels, which: &Which) -> Result<bool, Failure> {
    let asked_at = Instant::now();
    loop {
        let detail = models.sagas().show(&which.saga, &which.id).await?;
        if detail.state.is_ended() {
            return Ok(true);
        }
        if is_parked(&detail) || asked_at.elapsed() >= PATIENCE {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn is_parked(detail: &SagaDetail) -> bool {
    let mut steps = detail.open.iter().map(|step| &step.parked);
    let mut timers = detail.timers.iter().map(|timer| &timer.parked);
    steps.any(Option::is_some) || timers.any(Option::is_some)
}
