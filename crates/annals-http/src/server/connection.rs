//! One connection, from the handshake to its end.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::ServerOptions;
use super::patience::Patience;
use super::tls::Certificate;

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How all connections are served.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    write_within: Duration,
    tls: Option<TlsAcceptor>,
}

impl Connections {
    pub(super) fn new(
        router: Router,
        options: &ServerOptions,
        certificate: Option<&Certificate>,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.headers_within)
            .max_header_size(options.header_bytes_max)
            // The smallest that is possible; less is a panic.
            .max_buf_size(options.header_bytes_max.max(8_192));
        let tls = certificate.map(Certificate::acceptor);
        Self { router, http, write_within: options.write_within, tls }
    }

    /// Serves one connection until it ends. Errors are the client's business.
    pub(super) fn connection(
        &self,
        stream: TcpStream,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (router, http, tls) = (self.router.clone(), self.http.clone(), self.tls.clone());
        let write_within = self.write_within;
        async move {
            // Answers are written whole; waiting for more would only delay them.
            stream.set_nodelay(true).unwrap_or_default();
            let Some(acceptor) = tls else {
                return serve(&http, Patience::new(stream, write_within), router, watcher).await;
            };
            match tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    serve(&http, Patience::new(stream, write_within), router, watcher).await;
                }
                Ok(Err(error)) => {
                    tracing::debug!(error = &error as &dyn Error, "a handshake failed");
                }
                Err(_) => tracing::debug!("a handshake took too long"),
            }
        }
    }
}

async fn serve<I>(http: &http1::Builder, io: Patience<I>, router: Router, watcher: Watcher)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let connection = http.serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = &error as &dyn Error, "a connection broke off");
    }
}
