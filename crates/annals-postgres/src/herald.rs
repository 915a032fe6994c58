//! News from other processes, and to them.

mod doorbell;
mod polling;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::connect::Purpose;
use crate::news::News;
use crate::server::Server;
use crate::session::{Session, SessionError, Told};
use crate::statement::{LISTEN, Statement};

pub(crate) use doorbell::Bell;
use doorbell::Doorbell;
use polling::Polling;

/// How long a look may take before the connection is given up.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Rings in a row that nobody here waited for, after which others are told that nobody waits.
///
/// Readers that are at work take what is new without being woken. One ring can come in between two
/// waits; telling others each time would cost as much as the rings.
const RINGS_IN_VAIN_MAX: u32 = 3;

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
    doorbell: Doorbell,
    polling: Polling,
    link: Option<Link>,
}

/// A connection, and what others know of it. A new one is not known to anybody.
#[derive(Debug)]
struct Link {
    session: Session,
    is_listening: bool,
    /// Whether others ring for it.
    is_waiting: bool,
    rings_in_vain: u32,
}

enum Happened {
    Called,
    RingIsDue,
    Told(Told),
    LookIsDue,
}

impl Herald {
    pub(crate) fn new(server: Arc<Server>, news: Arc<News>, has_bell: bool) -> (Self, Call, Bell) {
        let (call, doorbell) = (Call::default(), Doorbell::default());
        let bell = if has_bell { doorbell.bell() } else { Doorbell::silent() };
        let polling = Polling::default();
        let herald = Self { server, news, call: call.clone(), doorbell, polling, link: None };
        (herald, call, bell)
    }

    /// Works until the handle is closed.
    pub(crate) async fn run(mut self) {
        while self.news.closed().is_none() {
            match self.happening().await {
                Happened::Called | Happened::LookIsDue => self.look().await,
                Happened::RingIsDue => self.ring().await,
                Happened::Told(Told::Rung) if self.news.has_waiters() => self.look().await,
                Happened::Told(Told::Rung) => self.rung_in_vain().await,
                Happened::Told(Told::Lost(reason)) => {
                    tracing::debug!(%reason, "the listening connection is lost");
                    self.link = None;
                    self.polling.hurry();
                }
            }
        }
    }

    async fn happening(&mut self) -> Happened {
        let told = async {
            match &mut self.link {
                Some(link) => link.session.told().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.call.0.notified() => Happened::Called,
            () = self.doorbell.due() => Happened::RingIsDue,
            told = told => Happened::Told(told),
            () = self.polling.due(), if self.news.has_waiters() => Happened::LookIsDue,
        }
    }

    /// Looks at the head, and decides when to look again.
    async fn look(&mut self) {
        let before = self.news.head();
        match timeout(LOOK_MAX, self.try_look()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot look for news");
                self.link = None;
            }
            Err(_) => self.link = None,
        }
        self.polling.looked(self.news.head() > before);
    }

    async fn try_look(&mut self) -> Result<(), SessionError> {
        let news = Arc::clone(&self.news);
        let link = self.link().await?;
        // Tell others first, look second: what is written between the two then rings.
        link.wait_for_rings().await?;
        news.look(&mut link.session).await.map(drop)
    }

    async fn link(&mut self) -> Result<&mut Link, SessionError> {
        let link = match self.link.take() {
            Some(link) => link,
            None => {
                let mut session = self.server.connect(Purpose::Primary).await?;
                self.news.check_log(&mut session).await?;
                Link { session, is_listening: false, is_waiting: false, rings_in_vain: 0 }
            }
        };
        Ok(self.link.insert(link))
    }

    async fn ring(&mut self) {
        let ring = async { self.link().await?.session.query(Statement::Ring, &[]).await };
        let rung = timeout(LOOK_MAX, ring).await;
        if !matches!(rung, Ok(Ok(_))) {
            tracing::debug!("cannot ring for other processes");
            self.link = None;
            self.polling.hurry();
        }
    }

    /// Nobody waits. Others need not ring, if that goes on.
    async fn rung_in_vain(&mut self) {
        let Some(link) = &mut self.link else { return };
        if !matches!(timeout(LOOK_MAX, link.rung_in_vain()).await, Ok(Ok(()))) {
            self.link = None;
        }
    }
}

impl Link {
    async fn wait_for_rings(&mut self) -> Result<(), SessionError> {
        if !self.is_listening {
            self.session.execute(LISTEN).await?;
            self.is_listening = true;
        }
        if !self.is_waiting {
            self.session.query(Statement::BeginWaiting, &[]).await?;
            self.is_waiting = true;
        }
        self.rings_in_vain = 0;
        Ok(())
    }

    async fn rung_in_vain(&mut self) -> Result<(), SessionError> {
        self.rings_in_vain += 1;
        if self.is_waiting && self.rings_in_vain >= RINGS_IN_VAIN_MAX {
            self.session.query(Statement::EndWaiting, &[]).await?;
            self.is_waiting = false;
        }
        Ok(())
    }
}
