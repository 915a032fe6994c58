//! `bank keys`

use annals_http::auth::{
    ApiKeyEntry, ApiKeyError, ApiKeyRegistry, KeyId, LastUsedError, LastUses, NewApiKey, Role,
    Subject,
};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::cli::table::Table;
use crate::keys::{KeysPlace, NoKeys};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank keys create alice --role teller
  bank keys create reports --role reader --expires-in 90
  bank keys list
  bank keys revoke 0123456789abcdef

As soon as there is a key, every request needs one: curl -H \"Authorization: Bearer $KEY\".
  reader    asks queries
  teller    all that a reader may, and changes accounts
  operator  all that a reader may, and looks after the bank

All of this works while the bank is served, which takes note within seconds.")]
pub(super) enum KeysCommand {
    /// Create a key and show it, once
    Create(Create),
    /// List all keys that were ever created
    List {
        /// How to write the answer
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Have a key not accepted any more
    Revoke {
        /// The id of the key: what stands between the two underscores
        id: KeyId,
        /// How to write the answer
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// A key to create.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Whose key it is: the actor of all that is done with it
    subject: Subject,
    /// What it permits: reader, teller or operator; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// For how many days it is accepted; for ever if left out
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    expires_in: Option<u16>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A key that was created.
#[derive(Debug, Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    entry: &'a ApiKeyEntry,
    key: &'a str,
}

/// A key in a list.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    entry: ApiKeyEntry,
    last_used_at: Option<DateTime<Utc>>,
}

/// A key that was revoked.
#[derive(Debug, Serialize)]
struct Revoked {
    id: KeyId,
    done: &'static str,
}

impl KeysCommand {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        let place = place.keys()?;
        match self {
            Self::Create(create) => create.run(&place).await,
            Self::List { format } => list(&place, format).await,
            Self::Revoke { id, format } => revoke(&place, id, format).await,
        }
    }
}

impl Create {
    async fn run(self, place: &KeysPlace) -> Result<(), Failure> {
        let Self { subject, roles, expires_in, format } = self;
        let expires_at = expires_in.map(|days| Utc::now() + TimeDelta::days(days.into()));
        let new = NewApiKey { subject, roles: roles.into_iter().collect(), expires_at };
        let created = ApiKeyRegistry::new(place.open_to_write().await?).create(new).await?;
        let key = created.secret.expose();
        match format {
            Format::Json => output::json(&Created { entry: &created.entry, key }),
            Format::Text => {
                output::say("this is the only time that the key is shown:");
                output::line(key)
            }
        }
    }
}

async fn list(place: &KeysPlace, format: Format) -> Result<(), Failure> {
    let entries = ApiKeyRegistry::new(place.open_to_read().await?).list().await?;
    let times = match place.last_used() {
        Some(last_used) => last_used.read().await?,
        None => LastUses::new(),
    };
    let listed: Vec<Listed> = entries
        .into_iter()
        .map(|entry| Listed { last_used_at: times.get(&entry.id).copied(), entry })
        .collect();
    match format {
        Format::Json => output::json(&listed),
        Format::Text => output::line(&text(&listed, Utc::now())),
    }
}

fn text(listed: &[Listed], now: DateTime<Utc>) -> String {
    let time = |time: Option<DateTime<Utc>>| match time {
        Some(time) => time.format("%Y-%m-%d %H:%M").to_string(),
        None => "-".to_owned(),
    };
    let mut table =
        Table::new(["id", "subject", "roles", "state", "created", "expires", "last used"]);
    for Listed { entry, last_used_at } in listed {
        let is_over = entry.expires_at.is_some_and(|expires_at| expires_at <= now);
        let state = match entry.revoked_at {
            Some(_) => "revoked",
            None if is_over => "expired",
            None => "accepted",
        };
        table.row([
            entry.id.to_string(),
            entry.subject.to_string(),
            entry.roles.to_string(),
            state.to_owned(),
            time(Some(entry.created_at)),
            time(entry.expires_at),
            time(*last_used_at),
        ]);
    }
    table.to_string()
}

async fn revoke(place: &KeysPlace, id: KeyId, format: Format) -> Result<(), Failure> {
    ApiKeyRegistry::new(place.open_to_write().await?).revoke(id).await?;
    let done = "is revoked";
    match format {
        Format::Json => output::json(&Revoked { id, done }),
        Format::Text => output::line(&format!("{id} {done}")),
    }
}

impl From<NoKeys> for Failure {
    fn from(error: NoKeys) -> Self {
        Self::new(Exit::Usage, &error)
    }
}

impl From<ApiKeyError> for Failure {
    fn from(error: ApiKeyError) -> Self {
        let exit = match &error {
            ApiKeyError::NotFound { .. } => Exit::NotFound,
            ApiKeyError::NoRoles | ApiKeyError::ExpiresInThePast { .. } => Exit::Usage,
            ApiKeyError::TooMany => Exit::Rejected,
            ApiKeyError::Log(_) => Exit::Store,
            _ => Exit::Internal,
        };
        Self::new(exit, &error)
    }
}

impl From<LastUsedError> for Failure {
    fn from(error: LastUsedError) -> Self {
        let exit = match &error {
            LastUsedError::Unavailable(_) => Exit::ReadModels,
            _ => Exit::Input,
        };
        Self::new(exit, &error)
    }
}
