//! Listening, and stopping without losing what was accepted.

use std::error::Error;
use std::io::{self, Write};

use annals_http::auth::{Authentication, Exposed};
use annals_http::{Feed, FeedOptions, Server, ServerOptions, TlsError, TlsFiles};
use thiserror::Error as ThisError;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::authentication::Followers;
use crate::http::greeting::greeting;
use crate::http::{ListenAddress, Service, assemble};
use crate::store::StoreUrl;

/// The bank cannot be served.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had. Choose another one.
    #[error("cannot listen on {address}, choose another address with --listen")]
    Listen {
        /// The address.
        address: ListenAddress,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Others could reach it, and nobody is asked who they are. The text says what to do.
    #[error(transparent)]
    Exposed(#[from] Exposed),
    /// There is no way to be told to stop.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Certificate or key cannot be used. The source says which, and what to do.
    #[error("cannot serve TLS")]
    Tls(#[from] TlsError),
}

/// Where the bank is served, and how.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The address.
    pub address: ListenAddress,
    /// By TLS with these files, if it is not in plain text.
    pub tls: Option<TlsFiles>,
}

/// Serves the bank until Ctrl-C or SIGTERM, then ends what was accepted. Keeps the read models up
/// to date all the while: requests that wait for them are answered first.
///
/// # Errors
///
/// [`ServeError`].
pub async fn serve(
    service: Service,
    (authentication, followers): (Authentication, Followers),
    Listen { address, tls }: Listen,
    store: &StoreUrl,
) -> Result<(), ServeError> {
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address.0).await.map_err(listen)?;
    let actual = listener.local_addr().map_err(listen)?;
    let callers = authentication.callers(actual)?;
    let feed = Feed::new(service.bank.app().store().clone(), FeedOptions::default())
        .with_authentication(authentication.clone());
    let models = service.queries.read_models().clone();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut options = ServerOptions::default();
    options.tls = tls;
    let server = Server::new(assemble(service, &feed, authentication, callers), options)?;
    let server = server.with_feed(feed);
    let stop = stop_signal().map_err(ServeError::Signals)?;
    say(io::stdout(), &greeting(&format!("{scheme}://{actual}"), store));

    let stopped = async move {
        stop.await;
        say(io::stderr(), "stopping: requests that were accepted are finished first\n");
    };
    let (end, is_over) = watch::channel(false);
    let over = || {
        let mut is_over = is_over.clone();
        async move { is_over.wait_for(|it| *it).await.map(drop).unwrap_or_default() }
    };
    let served = async {
        server.serve(listener, stopped).await;
        end.send_replace(true);
    };
    let (ran, followed) = (models.run(over()), followers.run(over()));
    if let ((), Err(stopped), ()) = tokio::join!(served, ran, followed) {
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
