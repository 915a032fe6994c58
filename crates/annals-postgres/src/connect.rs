//! Opening sessions.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::{SslMode as Negotiation, TargetSessionAttrs};

use crate::options::Timeouts;
use crate::session::{Session, SessionError};
use crate::statement::Statement;
use crate::target::Target;
use crate::tls::SslMode;
use crate::url::HostAddress;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The log itself: a server that takes no writes is passed over.
    Primary,
    /// Reading only: any server will do.
    Replica,
}

/// Idle time after which the system asks whether the other side is still there.
///
/// Without it a connection through a firewall that has forgotten it looks open for hours.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
/// Pause between such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Questions without an answer after which the connection is lost.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long sent data may stay without the other side's confirmation.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(30);

/// Connects to the first host that answers and is fit for the purpose.
pub(crate) async fn connect(
    target: &Target,
    timeouts: &Timeouts,
    purpose: Purpose,
) -> Result<Session, SessionError> {
    let mut failure = SessionError::Silent(Duration::ZERO);
    for host in &target.hosts {
        match connect_host(target, host, timeouts, purpose).await {
            Ok(session) => return Ok(session),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn connect_host(
    target: &Target,
    host: &HostAddress,
    timeouts: &Timeouts,
    purpose: Purpose,
) -> Result<Session, SessionError> {
    let attempts: &[Negotiation] = match target.ssl_mode {
        _ if host.is_socket() => &[Negotiation::Disable],
        SslMode::Disable => &[Negotiation::Disable],
        SslMode::Allow => &[Negotiation::Disable, Negotiation::Require],
        SslMode::Prefer => &[Negotiation::Prefer, Negotiation::Disable],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Negotiation::Require],
    };
    let limit = target.config.get_connect_timeout().copied().unwrap_or(timeouts.connect);
    let mut first_failure = None;
    for negotiation in attempts {
        let attempt = connect_once(target, host, *negotiation, timeouts, purpose);
        match timeout(limit, attempt).await {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(error)) => first_failure = first_failure.or(Some(error)),
            // Whoever does not answer at all will not answer otherwise.
            Err(_) => return Err(SessionError::Silent(limit)),
        }
    }
    Err(first_failure.unwrap_or(SessionError::Silent(limit)))
}

async fn connect_once(
    target: &Target,
    host: &HostAddress,
    negotiation: Negotiation,
    timeouts: &Timeouts,
    purpose: Purpose,
) -> Result<Session, SessionError> {
    let mut config = target.config.clone();
    config
        .host(host.host.as_str())
        .port(host.port)
        .ssl_mode(negotiation)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    if config.get_application_name().is_none() {
        config.application_name("annals");
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNCONFIRMED_MAX);
    }
    if config.get_keepalives_idle() == tokio_postgres::Config::new().get_keepalives_idle() {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if purpose == Purpose::Primary {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    let (client, connection) = config.connect(target.connector.clone()).await?;
    let mut session = Session::new(client, connection);
    let millis = |limit: Duration| limit.as_millis().to_string();
    let row = session
        .query_one(
            Statement::Session,
            &[
                &millis(timeouts.lock),
                &millis(timeouts.statement),
                &millis(timeouts.idle_in_transaction),
            ],
        )
        .await?;
    Ok(session.with_pid(row.try_get("pid")?))
}
