//! `bank sagas retry`, `compensate` and `abandon`

use std::time::{Duration, Instant};

use annals::SagaDetail;
use clap::Args;

use super::{Which, print};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::read_models::{PATIENCE, ReadModels, SagaOrder};

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

impl Ask {
    pub(super) async fn retry(self, models: &ReadModels) -> Result<(), Failure> {
        let Self { which, why, who: Who { by, format } } = self;
        models.retry_saga(&which.saga, &which.id, &SagaOrder { by, why }).await?;
        follow(models, &which, format).await
    }
}

impl AskWhy {
    pub(super) async fn compensate(self, models: &ReadModels) -> Result<(), Failure> {
        let Self { which, why, who: Who { by, format } } = self;
        models.compensate_saga(&which.saga, &which.id, &SagaOrder { by, why }).await?;
        follow(models, &which, format).await
    }

    pub(super) async fn abandon(self, models: &ReadModels) -> Result<(), Failure> {
        let Self { which, why, who: Who { by, format } } = self;
        models.abandon_saga(&which.saga, &which.id, &SagaOrder { by, why }).await?;
        print(models, &which, format).await
    }
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
        let detail = models.show_saga(&which.saga, &which.id).await?;
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
    detail.open.iter().any(|step| step.parked.is_some())
}
