//! News from other processes, and to them.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::connect::Purpose;
use crate::facts::position;
use crate::news::News;
use crate::server::Server;
use crate::session::{Session, SessionError, Told};
use crate::statement::{LISTEN, Statement};

/// First pause between looks at the head while somebody waits for news.
///
/// Others ring when there are any, so this is only for the ring that got lost.
const POLL_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause: what a lost ring costs at most.
const POLL_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Shortest time between two rings. A busy writer then rings a hundred times a second, whatever
/// the number of its batches, and a reader elsewhere is at most this late.
const RING_PAUSE: Duration = Duration::from_millis(10);

/// How long a look may take before the connection is given up.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Tells other processes that something is new.
#[derive(Debug, Clone)]
pub(crate) struct Bell(Option<Arc<Notify>>);

impl Bell {
    /// Rings soon; rings in between are one.
    pub(crate) fn ring(&self) {
        if let Some(bell) = &self.0 {
            bell.notify_one();
        }
    }
}

/// Asks for a look at the head on behalf of somebody who begins to wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call(Arc<Notify>);

impl Call {
    pub(crate) fn call(&self) {
        self.0.notify_one();
    }
}

/// Looks at the head while somebody waits for news, and rings for other processes.
///
/// It has a connection of its own: a notification takes a lock of the whole cluster when it is
/// committed, which must not happen inside a batch. A connection that dies costs delay, never an
/// event, because every look is at the head itself and never at what a ring said.
#[derive(Debug)]
pub(crate) struct Herald {
    server: Arc<Server>,
    news: Arc<News>,
    call: Call,
    bell: Arc<Notify>,
    session: Option<Session>,
    is_listening: bool,
    next_look: Instant,
    pause: Duration,
    last_ring: Option<Instant>,
}

enum Happened {
    Called,
    AskedToRing,
    Told(Told),
    PauseIsOver,
}

impl Herald {
    pub(crate) fn new(server: Arc<Server>, news: Arc<News>, has_bell: bool) -> (Self, Call, Bell) {
        let (call, bell) = (Call::default(), Arc::new(Notify::new()));
        let herald = Self {
            server,
            news,
            call: call.clone(),
            bell: Arc::clone(&bell),
            session: None,
            is_listening: false,
            next_look: Instant::now(),
            pause: POLL_PAUSE,
            last_ring: None,
        };
        (herald, call, Bell(has_bell.then_some(bell)))
    }

    /// Works until the handle is closed.
    pub(crate) async fn run(mut self) {
        while self.news.closed().is_none() {
            match self.happening().await {
                Happened::Called => self.look().await,
                Happened::AskedToRing => self.ring().await,
                Happened::Told(Told::Rung) | Happened::PauseIsOver => {
                    if self.news.has_waiters() {
                        self.look().await;
                    }
                }
                Happened::Told(Told::Lost(reason)) => {
                    tracing::debug!(%reason, "the listening connection is lost");
                    self.session = None;
                    self.next_look = Instant::now();
                }
            }
        }
    }

    async fn happening(&mut self) -> Happened {
        let told = async {
            match &mut self.session {
                Some(session) => session.told().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.call.0.notified() => Happened::Called,
            () = self.bell.notified() => Happened::AskedToRing,
            told = told => Happened::Told(told),
            () = sleep_until(self.next_look), if self.news.has_waiters() => Happened::PauseIsOver,
        }
    }

    /// Looks at the head, and decides when to look again.
    async fn look(&mut self) {
        let before = self.news.head();
        match timeout(LOOK_MAX, self.try_look()).await {
            Ok(Ok(head)) => self.news.publish(head),
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot look for news");
                self.session = None;
            }
            Err(_) => self.session = None,
        }
        let is_new = self.news.head() > before;
        self.pause = if is_new { POLL_PAUSE } else { (self.pause * 2).min(POLL_PAUSE_MAX) };
        self.next_look = Instant::now() + self.pause;
    }

    async fn try_look(&mut self) -> Result<Position, SessionError> {
        let is_listening = self.is_listening;
        let session = self.session().await?;
        if !is_listening {
            // Listen first, look second: what is written between the two then rings.
            session.execute(LISTEN).await?;
        }
        let row = session.query_one(Statement::Head, &[]).await?;
        self.is_listening = true;
        position(row.try_get("position")?)
    }

    async fn session(&mut self) -> Result<&mut Session, SessionError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                self.is_listening = false;
                let mut session = self.server.connect(Purpose::Primary).await?;
                self.news.check_log(&mut session).await?;
                session
            }
        };
        Ok(self.session.insert(session))
    }

    async fn ring(&mut self) {
        if let Some(last) = self.last_ring {
            sleep_until(last + RING_PAUSE).await;
        }
        self.last_ring = Some(Instant::now());
        let ring = async { self.session().await?.query(Statement::Ring, &[]).await };
        let rung = timeout(LOOK_MAX, ring).await;
        if !matches!(rung, Ok(Ok(_))) {
            tracing::debug!("cannot ring for other processes");
            self.session = None;
        }
    }
}
