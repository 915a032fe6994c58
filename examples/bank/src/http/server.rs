//! Listening, and stopping without losing what was accepted.

use std::io::{self, Write};
use std::time::Duration;

use axum::serve::ListenerExt;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::http::greeting::greeting;
use crate::http::{LocalAddress, Service, router};
use crate::store::StoreUrl;

/// How long requests may take to end after the signal to stop.
///
/// Longer than a body may take to arrive and than a command waits for a database that is gone, so
/// only a client that never ends is cut off.
const SHUTDOWN_WAIT_MAX: Duration = Duration::from_secs(20);

/// The bank cannot be served.
#[derive(Debug, Error)]
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
    /// Serving broke off.
    #[error("the server stopped")]
    Stopped(#[source] io::Error),
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
    let listener = TcpListener::bind(address.0).await.map_err(listen)?;
    let stop = stop_signal().map_err(ServeError::Signals)?;
    let actual = listener.local_addr().map_err(listen)?;
    say(io::stdout(), &greeting(actual, store));

    let (stopping, mut is_stopping) = watch::channel(false);
    let stopped = async move {
        stop.await;
        say(io::stderr(), "stopping: requests that were accepted are finished first\n");
        stopping.send_replace(true);
    };
    let too_long = async move {
        is_stopping.wait_for(|it| *it).await.map(drop).unwrap_or_default();
        tokio::time::sleep(SHUTDOWN_WAIT_MAX).await;
    };
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    let models = service.queries.read_models().clone();
    let server = axum::serve(listener, router(service)).with_graceful_shutdown(stopped);
    let (end, is_over) = oneshot::channel();
    let serve = async {
        let served = tokio::select! {
            served = server => served.map_err(ServeError::Stopped),
            () = too_long => {
                tracing::warn!("some requests did not end and were cut off");
                Ok(())
            }
        };
        end.send(()).unwrap_or_default();
        served
    };
    let (served, ran) =
        tokio::join!(serve, models.run(async { is_over.await.unwrap_or_default() }));
    if let Err(stopped) = ran {
        tracing::error!(error = &stopped as &dyn std::error::Error, "a projection had stopped");
    }
    served
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
