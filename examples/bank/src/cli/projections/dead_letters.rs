//! `bank projections dead-letters`

mod text;

use std::time::{Duration, Instant};

use annals::{
    App, DeadLetter, DeadLetterId, DeadLetterQuery, DeadLetterRequest, Read, ReadModelsError,
    RecordedEvent,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::bank::PageLimit;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::read_models::{PATIENCE, PROJECTIONS, ReadModels};
use crate::services::BankServices;

/// What to do with events that could not be processed.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank projections dead-letters list
  bank projections dead-letters show ID
  bank projections dead-letters retry ID
  bank projections dead-letters discard ID --why 'entered twice' --format json

An event that a projection cannot process is parked. Later events of its account queue behind it,
in order; all other accounts go on.")]
pub(in crate::cli) enum DeadLettersCommand {
    /// List them, oldest first
    List(List),
    /// Show one with its event
    Show(Letter),
    /// Try one again, and what is queued behind it
    Retry(Ask),
    /// Try all again
    RetryAll(RetryAll),
    /// Leave an event out for good, and process what is queued behind it
    Discard(Discard),
}

/// Which ones.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Of this projection only
    #[arg(long, value_parser = PROJECTIONS)]
    projection: Option<String>,
    /// Those that were discarded, instead of those that block an account
    #[arg(long)]
    discarded: bool,
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t)]
    limit: PageLimit,
    /// Those after this one
    #[arg(long, value_name = "ID")]
    after: Option<DeadLetterId>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One of them.
#[derive(Debug, Args)]
pub(in crate::cli) struct Letter {
    /// Which one
    id: DeadLetterId,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One of them, and who asks.
#[derive(Debug, Args)]
pub(in crate::cli) struct Ask {
    /// Which one
    id: DeadLetterId,
    #[command(flatten)]
    who: Who,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Who asks.
#[derive(Debug, Args)]
pub(in crate::cli) struct Who {
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, default_value = "unknown")]
    by: String,
}

/// All of them.
#[derive(Debug, Args)]
pub(in crate::cli) struct RetryAll {
    /// Of this projection only
    #[arg(long, value_parser = PROJECTIONS)]
    projection: Option<String>,
    #[command(flatten)]
    who: Who,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One of them, who asks, and why.
#[derive(Debug, Args)]
pub(in crate::cli) struct Discard {
    /// Which one
    id: DeadLetterId,
    /// Why the event is to be left out; it is kept
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    who: Who,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Letters {
    dead_letters: Vec<DeadLetter>,
}

/// A dead letter with its event.
#[derive(Debug, Serialize)]
struct WithEvent {
    #[serde(flatten)]
    letter: DeadLetter,
    event: Option<RecordedEvent>,
}

/// What a request has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Nothing is parked any more, the account flows again.
    Flows,
    /// The event is left out, and so is not in the way any more.
    Discarded,
    /// This event, or one behind it, cannot be processed.
    FailedAgain,
}

/// The answer to a request.
#[derive(Debug, Serialize)]
struct Followed {
    outcome: Outcome,
    /// The letter as it is now, unless it is gone.
    dead_letter: Option<DeadLetter>,
    /// What the account stands still for, now that the event is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_by: Option<DeadLetter>,
}

/// The answer to a request about all of them.
#[derive(Debug, Serialize)]
struct AllFollowed {
    retried: u64,
    left: usize,
}

/// Pause between two looks at whether a request has been followed.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

impl DeadLettersCommand {
    pub(super) async fn run(
        self,
        app: &App<BankServices>,
        models: &ReadModels,
    ) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(models).await,
            Self::Show(Letter { id, format }) => {
                let letter = models.dead_letter(id).await?;
                let before = letter.position.before();
                let read = Read::all().after(before).limit(1);
                let page = app.store().read(read).await.map_err(|error| Failure::of_log(&error))?;
                let event = page.events.into_iter().next();
                match format {
                    Format::Json => output::json(&WithEvent { letter, event }),
                    Format::Text => output::line(&text::letter(&letter, event.as_ref())),
                }
            }
            Self::Retry(Ask { id, who, format }) => {
                let retry = DeadLetterRequest::Retry { by: who.by };
                answer(request(models, id, retry).await?, format)
            }
            Self::Discard(Discard { id, why, who, format }) => {
                let discard = DeadLetterRequest::Discard { by: who.by, why };
                answer(request(models, id, discard).await?, format)
            }
            Self::RetryAll(RetryAll { projection, who, format }) => {
                let retried = models.retry_all(projection.as_deref(), &who.by).await?;
                let left = models.attended(all_followed(models, projection)).await?;
                match format {
                    Format::Json => output::json(&AllFollowed { retried, left }),
                    Format::Text => {
                        let rest = if left == 0 { "none is left" } else { "some failed again" };
                        output::line(&format!("{retried} retried, {rest}"))
                    }
                }
            }
        }
    }
}

impl List {
    async fn run(self, models: &ReadModels) -> Result<(), Failure> {
        let Self { projection, discarded, limit, after, format } = self;
        let query =
            DeadLetterQuery { projection, is_discarded: discarded, after, limit: limit.get() };
        let dead_letters = models.dead_letters(query).await?;
        match format {
            Format::Json => output::json(&Letters { dead_letters }),
            Format::Text => output::line(&text::letters(&dead_letters)),
        }
    }
}

/// Asks, and waits until whoever runs the projections has done it.
async fn request(
    models: &ReadModels,
    id: DeadLetterId,
    request: DeadLetterRequest,
) -> Result<Followed, Failure> {
    models.request(id, request).await?;
    models.attended(followed(models, id)).await
}

/// Writes what became of a request. It is the same to a script in either form: it is a failure if
/// the account still stands still.
fn answer(followed: Followed, format: Format) -> Result<(), Failure> {
    let outcome = followed.outcome;
    match (format, &followed.dead_letter, &followed.blocked_by) {
        (Format::Json, ..) => output::json(&followed)?,
        (Format::Text, Some(letter), _) if outcome == Outcome::FailedAgain => {
            output::line(&format!("position {} failed again: {}", letter.position, letter.error))?;
        }
        (Format::Text, _, Some(heir)) => {
            let DeadLetter { position, error, .. } = heir;
            let text = format!("the event is left out, position {position} behind it: {error}");
            output::line(&text)?;
        }
        (Format::Text, ..) if outcome == Outcome::Discarded => {
            output::line("the event is left out, the account flows again")?;
        }
        (Format::Text, ..) => output::line("the account flows again")?,
    }
    match (outcome, followed.blocked_by) {
        (Outcome::FailedAgain, _) | (_, Some(_)) => Err(Failure::silent(Exit::ReadModels)),
        (Outcome::Flows | Outcome::Discarded, None) => Ok(()),
    }
}

/// What a request has led to, once it has been followed, and so has what follows from it: behind an
/// event that is left out, its account is taken up again.
async fn followed(models: &ReadModels, id: DeadLetterId) -> Result<Followed, Failure> {
    let asked_at = Instant::now();
    loop {
        match models.dead_letter(id).await {
            Err(ReadModelsError::NotFound { .. }) => {
                let outcome = Outcome::Flows;
                return Ok(Followed { outcome, dead_letter: None, blocked_by: None });
            }
            Ok(letter) if letter.discarded_at.is_some() => {
                let heir = heir(models, &letter).await?;
                if heir.as_ref().is_none_or(|heir| heir.request.is_none()) {
                    let outcome = Outcome::Discarded;
                    let dead_letter = Some(letter);
                    return Ok(Followed { outcome, dead_letter, blocked_by: heir });
                }
            }
            Ok(letter) if letter.request.is_none() => {
                let outcome = Outcome::FailedAgain;
                return Ok(Followed { outcome, dead_letter: Some(letter), blocked_by: None });
            }
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        if asked_at.elapsed() >= PATIENCE {
            output::say("nobody has followed the request yet; it stays");
            return Err(Failure::silent(Exit::ReadModels));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The letter that stands for what was queued behind a discarded one. It is younger.
async fn heir(
    models: &ReadModels,
    discarded: &DeadLetter,
) -> Result<Option<DeadLetter>, ReadModelsError> {
    let mut query = DeadLetterQuery {
        projection: Some(discarded.generation.projection.clone()),
        after: Some(discarded.id),
        limit: annals::limits::LIST_ITEMS_MAX,
        is_discarded: false,
    };
    loop {
        let page = models.dead_letters(query.clone()).await?;
        let Some(last) = page.last() else { return Ok(None) };
        query.after = Some(last.id);
        let is_heir = |letter: &DeadLetter| {
            letter.generation == discarded.generation && letter.stream == discarded.stream
        };
        if let Some(heir) = page.into_iter().find(is_heir) {
            return Ok(Some(heir));
        }
    }
}

/// How many dead letters there are once no request is left among the first of them.
async fn all_followed(models: &ReadModels, projection: Option<String>) -> Result<usize, Failure> {
    let asked_at = Instant::now();
    loop {
        let limit = annals::limits::LIST_ITEMS_MAX;
        let projection = projection.clone();
        let query = DeadLetterQuery { projection, is_discarded: false, after: None, limit };
        let letters = models.dead_letters(query).await?;
        if letters.iter().all(|letter| letter.request.is_none()) {
            return Ok(letters.len());
        }
        if asked_at.elapsed() >= PATIENCE {
            output::say("nobody has followed some of the requests yet; they stay");
            return Err(Failure::silent(Exit::ReadModels));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
