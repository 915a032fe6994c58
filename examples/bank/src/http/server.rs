//! Listening, and stopping without losing what was accepted.

use std::error::Error;
use std::io::{self, Write};

use annals_http::{Feed, FeedOptions, Server, ServerOptions, TlsError};
use thiserror::Error as ThisError;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::http::greeting::greeting;
use crate::http::{LocalAddress, Service, assemble};
use crate::store::StoreUrl;

/// The bank cannot be served.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had. Choose another one.
    #[error("cannot listen on {address}, choose another address with --listen")]
    Listen {
        /// The address.
        address: LocalAddress,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// There is no way to be told to stop.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Certificate or key cannot be used. The source says which, and what to do.
    #[error("cannot serve TLS")]
    Tls(#[from] TlsError),
}

/// Serves the bank until Ctrl-C or SIGTERM, then ends what was accepted. Keeps the read models up
/// to date all the while: requests that wait for them are answered first.
///
/// # Errors
///
/// [`ServeError`].
pub async fn serve(
    service: Service,
    address: LocalAddress,
    store: &StoreUrl,
) -> Result<(), ServeError> {
    let listen = |source| ServeError::Listen { address, source };
    let feed = Feed::new(service.bank.app().store().clone(), FeedOptions::default());
    let models = service.queries.read_models().clone();
    let server = Server::new(assemble(service, &feed), ServerOptions::default())?.with_feed(feed);
    let listener = TcpListener::bind(address.0).await.map_err(listen)?;
    let stop = stop_signal().map_err(ServeError::Signals)?;
    let actual = listener.local_addr().map_err(listen)?;
    say(io::stdout(), &greeting(actual, store));

    let stopped = async move {
        stop.await;
        say(io::stderr(), "stopping: requests that were accepted are finished first\n");
    };
    let (end, is_over) = oneshot::channel();
    let served = async {
        server.serve(listener, stopped).await;
        end.send(()).unwrap_or_default();
    };
    let ran = models.run(async { is_over.await.unwrap_or_default() });
    if let ((), Err(stopped)) = tokio::join!(served, ran) {
        tracing::error!(error = &stopped as &dyn Error, "a projection had stopped");
    }
    Ok(())
}

/// Who has closed the output does not want to be told, and is served all the same.
fn say(mut output: impl Write, text: &str) {
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).unwrap_or_default();
}

#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
}
