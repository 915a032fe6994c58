//! Serving over sockets, within bounds, until it is time to stop.

mod connection;
mod patience;
mod tls;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::{Extension, Router};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::connection::Connections;
use self::tls::Certificate;
pub use self::tls::TlsError;
use crate::feed::Feed;
use crate::request_span::OverTls;
use crate::service::Service;

/// Bounds of a [`Server`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Most connections at once; others wait in the queue of the operating system. A connection on
    /// which nothing happens costs about 10 KB, so the default stays well below 1 GiB. The process
    /// needs as many file descriptors.
    pub connections_max: usize,
    /// How long the head of a request may take, from when the one before was answered: a connection
    /// that is not used for so long is closed as well.
    pub headers_within: Duration,
    /// Largest head of a request, in bytes; at least 8,192. It has at most 100 headers in any case.
    pub header_bytes_max: usize,
    /// How long a client may take nothing of an answer before it is cut off.
    pub write_within: Duration,
    /// How long requests may take to end after the signal to stop; then they are cut off.
    ///
    /// Longer than a body may take to arrive and than a command waits for a database that is gone,
    /// so only a client that never ends is cut off.
    pub shutdown_within: Duration,
    /// Serves TLS with these files; else plain text.
    pub tls: Option<TlsFiles>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections_max: 12_000,
            headers_within: Duration::from_secs(15),
            header_bytes_max: 32 * 1024,
            write_within: Duration::from_secs(30),
            shutdown_within: Duration::from_secs(20),
            tls: None,
        }
    }
}

/// Where certificate and key are, as PEM.
///
/// They are looked at every ten seconds; new ones are used for connections that begin then. Files
/// that do not fit are reported in the log, and the last ones that did are used on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to a root.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A service on its way to the network.
///
/// ```no_run
/// use annals_http::{Server, ServerOptions, Service, ServiceOptions};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let routes = axum::Router::new();
/// let service = Service::new(routes, ServiceOptions::default());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
/// Server::new(service, ServerOptions::default())?.serve(listener, stop).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    router: Router,
    options: ServerOptions,
    feed: Option<Feed>,
    certificate: Option<Arc<Certificate>>,
}

impl Server {
    /// A server of this service.
    ///
    /// # Errors
    ///
    /// [`TlsError`], whose variants say what to do, if certificate or key cannot be used.
    pub fn new(service: Service, options: ServerOptions) -> Result<Self, TlsError> {
        let certificate = options.tls.clone().map(Certificate::load).transpose()?;
        let mut router = service.into_router();
        if certificate.is_some() {
            router = router.layer(map_response(stay_with_tls)).layer(Extension(OverTls));
        }
        Ok(Self { router, options, feed: None, certificate: certificate.map(Arc::new) })
    }

    /// Runs this feed as long as requests are accepted.
    #[must_use]
    pub fn with_feed(self, feed: Feed) -> Self {
        Self { feed: Some(feed), ..self }
    }

    /// Serves until `shutdown` is ready, then ends what was accepted: no new connection is taken,
    /// requests under way are answered, clients of the feed are sent away to connect elsewhere.
    ///
    /// What requests wait for, such as projections, must run until this returns.
    ///
    /// # Cancellation
    ///
    /// Dropped, all connections are cut off.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let Self { router, options, feed, certificate } = self;
        let is_over = watch::Sender::new(false);
        let until_over = |mut over: watch::Receiver<bool>| async move {
            over.wait_for(|it| *it).await.map(drop).unwrap_or_default();
        };
        let followed = async {
            let Some(feed) = &feed else { return };
            if let Err(error) = feed.run(until_over(is_over.subscribe())).await {
                let error = &error as &dyn Error;
                tracing::error!(error, "the live feed has ended");
            }
        };
        let renewed = async {
            let Some(certificate) = &certificate else { return };
            certificate.renew(until_over(is_over.subscribe())).await;
        };
        let connections = Connections::new(router, &options, certificate.as_deref());
        let served = async {
            let accepted = accept(listener, &connections, &options, shutdown).await;
            is_over.send_replace(true);
            accepted.end(options.shutdown_within).await;
        };
        tokio::join!(served, followed, renewed);
    }
}

/// Connections under way.
#[derive(Debug)]
struct Accepted {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

/// Accepts connections until `shutdown` is ready.
async fn accept(
    listener: TcpListener,
    connections: &Connections,
    options: &ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> Accepted {
    let mut accepted = Accepted { tasks: JoinSet::new(), graceful: GracefulShutdown::new() };
    let places = Arc::new(Semaphore::new(options.connections_max));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while accepted.tasks.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, next_stream(&listener).await)
        };
        let (place, stream) = tokio::select! {
            biased;
            () = &mut shutdown => return accepted,
            next = next => next,
        };
        let connection = connections.connection(stream, accepted.graceful.watcher());
        accepted.tasks.spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

/// Pause after a connection could not be accepted, because file descriptors or memory are used up:
/// trying at once would only use up the processor as well.
const PAUSE: Duration = Duration::from_millis(500);

async fn next_stream(listener: &TcpListener) -> TcpStream {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // It was the other side, and only this one.
            Err(error)
                if matches!(
                    error.kind(),
                    ConnectionAborted | ConnectionRefused | ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Accepted {
    /// Waits until all have ended, and cuts off those that do not.
    async fn end(mut self, within: Duration) {
        if tokio::time::timeout(within, self.graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end and were cut off");
        }
        self.tasks.shutdown().await;
    }
}

/// Tells browsers to come by TLS only, for a year. Only said over TLS, as RFC 6797 asks.
async fn stay_with_tls(mut response: Response) -> Response {
    let year = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    response
}
