//! A handler that does nothing, by the same stack.

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

/// Answers every request with a greeting.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("Ctrl-C stops it");
    let routes = Router::new().route("/accounts/{id}", get(async || "hello, world"));
    axum::serve(listener, routes).await?;
    Ok(())
}
