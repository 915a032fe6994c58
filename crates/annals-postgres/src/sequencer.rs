//! The one writer of a process.

mod settlement;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use annals_core::telemetry::{Origin, WritingBatch};
use annals_core::{Append, AppendError, Appended};
use futures_util::future::{Either, select};
use rand::RngExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tracing::Instrument;

use crate::append_error::BatchError;
use crate::closed::Closed;
use crate::connect::Purpose;
use crate::head_lock::Watch;
use crate::herald::Bell;
use crate::known_streams::KnownStreams;
use crate::news::News;
use crate::open_error::OpenError;
use crate::pool::Pool;
use crate::server::Server;
use crate::session::{Session, SessionError, Told};
use crate::telemetry::SYSTEM;

/// Appends that wait for their turn. Further callers wait before they get a place.
pub(crate) const QUEUE_APPENDS_MAX: usize = 4_096;

/// Events of a batch. More would not make a flush any cheaper, and keeps everybody waiting.
const BATCH_EVENTS_MAX: usize = 2_000;

/// Bytes of payload and metadata of a batch, unless a single append has more.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How often others are let run before a batch is closed, if they go on bringing appends.
const JOIN_TURNS_MAX: usize = 8;

/// First pause before connecting again; it doubles up to [`RECONNECT_PAUSE_MAX`].
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause: a server that is back is found within this time.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// An append and whoever waits for what becomes of it.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) append: Append,
    pub(crate) origin: Origin,
    pub(crate) answer: oneshot::Sender<Outcome>,
}

pub(crate) type Outcome = Result<Appended, AppendError>;

/// Who waits for the outcome of an append, and where it comes from.
type Waiting = (Origin, oneshot::Sender<Outcome>);

/// Writes what has queued up while the last batch was under way as the next batch.
///
/// There is no timer: a single caller pays one round trip with one flush, many share it.
#[derive(Debug)]
pub(crate) struct Sequencer {
    queue: mpsc::Receiver<Queued>,
    /// Taken from the queue, and not yet part of a batch.
    waiting: VecDeque<Queued>,
    server: Arc<Server>,
    session: Option<Session>,
    readers: Arc<Pool>,
    known: KnownStreams,
    news: Arc<News>,
    bell: Bell,
}

impl Sequencer {
    pub(crate) fn new(
        queue: mpsc::Receiver<Queued>,
        session: Session,
        (server, readers): (Arc<Server>, Arc<Pool>),
        (news, bell): (Arc<News>, Bell),
    ) -> Self {
        Self {
            queue,
            waiting: VecDeque::new(),
            server,
            session: Some(session),
            readers,
            known: KnownStreams::default(),
            news,
            bell,
        }
    }

    /// Works until every sender of the queue is gone.
    pub(crate) async fn run(mut self) {
        while self.wait_for_work().await {
            let (appends, waiting) = self.take_batch();
            let writing = self.begin(&appends, &waiting);
            let outcomes = self.settle(&appends).instrument(writing.span.clone()).await;
            writing.ended(self.news.head(), error_type(&outcomes));
            for ((_, answer), outcome) in waiting.into_iter().zip(outcomes) {
                // Whoever no longer waits has given up, and finds out by the command id.
                let _ = answer.send(outcome);
            }
        }
    }

    /// Waits for appends, and notices meanwhile when the connection is lost: the next batch then
    /// begins with a new one and does not end unknown.
    async fn wait_for_work(&mut self) -> bool {
        while self.waiting.is_empty() {
            let mut arrived = Vec::new();
            let told = match &mut self.session {
                Some(session) => {
                    let work = pin!(self.queue.recv_many(&mut arrived, QUEUE_APPENDS_MAX));
                    match select(work, pin!(session.told())).await {
                        Either::Left((0, _)) => return false,
                        Either::Left(_) => None,
                        Either::Right((told, _)) => Some(told),
                    }
                }
                None => match self.queue.recv_many(&mut arrived, QUEUE_APPENDS_MAX).await {
                    0 => return false,
                    _ => None,
                },
            };
            self.waiting.extend(arrived);
            if let Some(Told::Lost(reason)) = told {
                tracing::warn!(%reason, "the writing connection is lost");
                self.disconnect();
            }
        }
        self.let_others_join().await;
        while self.waiting.len() < QUEUE_APPENDS_MAX
            && let Ok(queued) = self.queue.try_recv()
        {
            self.waiting.push_back(queued);
        }
        true
    }

    /// Lets those run who are ready to, as long as they bring more appends.
    ///
    /// Whoever was answered a moment ago is about to come back with the next append. Without this
    /// the first of them would get a batch and a flush of its own, and all others would wait for
    /// it. It is no pause: where nobody else is ready to run, it takes no time.
    async fn let_others_join(&mut self) {
        let mut queued = self.queue.len();
        for _ in 0..JOIN_TURNS_MAX {
            yield_now().await;
            if self.queue.len() == queued {
                return;
            }
            queued = self.queue.len();
        }
    }

    fn begin(&self, appends: &[Append], waiting: &[Waiting]) -> WritingBatch {
        let events = appends.iter().map(|append| append.events().len()).sum();
        let left = self.waiting.len() + self.queue.len();
        let origins = waiting.iter().map(|(origin, _)| origin);
        WritingBatch::begin(SYSTEM, origins, events, left)
    }

    fn take_batch(&mut self) -> (Vec<Append>, Vec<Waiting>) {
        let (mut appends, mut waiting) = (Vec::new(), Vec::new());
        let (mut events, mut bytes) = (0, 0);
        while let Some(next) = self.waiting.pop_front() {
            // Nobody waits for it any more, and it has not been tried.
            if next.answer.is_closed() {
                continue;
            }
            events += next.append.events().len().max(1);
            bytes += next.append.content_bytes();
            let is_full = events > BATCH_EVENTS_MAX || bytes > BATCH_BYTES_MAX;
            if is_full && !appends.is_empty() {
                self.waiting.push_front(next);
                break;
            }
            appends.push(next.append);
            waiting.push((next.origin, next.answer));
        }
        (appends, waiting)
    }

    fn disconnect(&mut self) {
        self.session = None;
        self.known.forget();
    }

    /// The outcome of each append. Tries again where nothing was written because the server went
    /// away, for as long as an append may wait.
    async fn settle(&mut self, appends: &[Append]) -> Vec<Outcome> {
        let give_up = Instant::now() + self.server.timeouts.unavailable_after;
        loop {
            let error = match self.try_settle(appends, give_up).await {
                Ok(outcomes) => return outcomes,
                Err(error) => error,
            };
            if !error.leaves_session_usable() {
                self.disconnect();
            }
            if error.blames_an_append() && appends.len() > 1 {
                return self.settle_one_by_one(appends).await;
            }
            if !error.is_passing() || Instant::now() >= give_up {
                tracing::warn!(error = %chain(&error), appends = appends.len(), "a batch failed");
                return appends.iter().map(|_| Err(error.to_append_error())).collect();
            }
            sleep(RECONNECT_PAUSE).await;
        }
    }

    /// Finds the append that the database cannot take, so that it fails alone.
    async fn settle_one_by_one(&mut self, appends: &[Append]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(appends.len());
        for append in appends {
            outcomes.extend(Box::pin(self.settle(std::slice::from_ref(append))).await);
        }
        outcomes
    }

    async fn try_settle(
        &mut self,
        appends: &[Append],
        give_up: Instant,
    ) -> Result<Vec<Outcome>, BatchError> {
        if let Some(reason) = self.news.closed() {
            return Err(reason.into());
        }
        self.connect(give_up).await?;
        let Self { session, known, news, readers, server, .. } = self;
        let session = session.as_mut().expect("it was connected a moment ago");
        let watch = Watch::new(readers, server.timeouts, session.pid());
        let settled = pin!(settlement::write(session, known, news, appends));
        let silent = pin!(watch.until_silent());
        let settled = match select(settled, silent).await {
            Either::Left((settled, _)) => settled,
            Either::Right((limit, _)) => Err(BatchError::Unknown(SessionError::Silent(limit))),
        };
        let (outcomes, has_written) = settled.map_err(|error| match error.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                let (seconds, holder) = watch.report();
                BatchError::Locked { seconds, holder }
            }
            _ => error,
        })?;
        if has_written {
            self.bell.ring();
        }
        Ok(outcomes)
    }

    /// Makes sure that there is a connection.
    async fn connect(&mut self, give_up: Instant) -> Result<(), BatchError> {
        let mut pause = RECONNECT_PAUSE;
        while self.session.is_none() {
            match try_connect(&self.server, &self.news).await {
                Ok(session) => self.session = Some(session),
                Err(error @ BatchError::Closed(_)) => return Err(error),
                Err(error) if Instant::now() + pause >= give_up => return Err(error),
                Err(error) => {
                    tracing::debug!(error = %chain(&error), "cannot connect");
                    // Many processes lose the server at the same time and must not come back so.
                    let jitter = rand::rng().random_range(0.5..1.0);
                    sleep(pause.mul_f64(jitter)).await;
                    pause = (pause * 2).min(RECONNECT_PAUSE_MAX);
                }
            }
        }
        Ok(())
    }
}

/// A session on a server that is still fit to write to.
async fn try_connect(server: &Server, news: &News) -> Result<Session, BatchError> {
    let mut session = server.connect(Purpose::Primary).await.map_err(BatchError::Unreachable)?;
    match server.check(&mut session).await {
        Ok(()) => {}
        Err(OpenError::Durability { risk, .. }) => {
            let reason = Closed::Unsafe { setting: risk.setting() };
            return Err(news.close(reason).into());
        }
        Err(error) => tracing::warn!(%error, "the server does not say what it is"),
    }
    news.check_log(&mut session).await.map_err(|error| match error {
        SessionError::Closed(reason) => reason.into(),
        error => BatchError::Unreachable(error),
    })?;
    tracing::info!("the writing connection is back");
    Ok(session)
}

/// Why a batch failed, in a word. A refusal is no failure.
fn error_type(outcomes: &[Outcome]) -> Option<&'static str> {
    outcomes.iter().find_map(|outcome| match outcome {
        Err(AppendError::Unknown { .. }) => Some("unknown_outcome"),
        Err(AppendError::Unavailable { .. }) => Some("unavailable"),
        Err(AppendError::Closed { .. }) => Some("closed"),
        _ => None,
    })
}

/// An error with all of its causes, for the log.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = text + ": " + &cause.to_string();
        next = cause.source();
    }
    text
}

/// What a handle answers when its sequencer is gone.
pub(crate) fn closed(news: &News) -> AppendError {
    let reason = news.closed().unwrap_or(Closed::ByOwner);
    BatchError::Closed(reason).to_append_error()
}
