//! `bank migrate`

use annals::postgres::{self, OpenError, Roles};
use annals::sqlx::{self as read_models, ReadModelsOptions};
use clap::Args;
use serde::Serialize;
use thiserror::Error;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::store::{PostgresUrl, StoreUrl};

/// What to migrate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples, each with the URL of the owner in BANK_STORE:
  bank migrate --print
  bank migrate
  bank migrate --application-role bank --reader-role bank_reports

The roles exist already (CREATE ROLE bank LOGIN PASSWORD '...'), and the owner is a superuser or a
member of the application role (GRANT bank TO owner). The application role may append and read, and
create schemas for read models; it is for serving and importing. The reader role may read the log
and the read models, and is for looking at accounts. Neither can change or remove an event. Serve
with the URL of the application role.")]
pub(super) struct Migrate {
    /// Print the statements for review, without connecting to anything
    #[arg(long, conflicts_with_all = ["application_role", "reader_role", "format"])]
    print: bool,
    /// Give this role the rights to append and to read
    #[arg(long, value_name = "ROLE", requires = "reader_role")]
    application_role: Option<String>,
    /// Give this role the right to read
    #[arg(long, value_name = "ROLE", requires = "application_role")]
    reader_role: Option<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// There is nothing to migrate.
#[derive(Debug, Error)]
#[error("only a log at postgres://HOST/DATABASE is migrated, {0} is made as it has to be")]
struct NothingToMigrate(StoreUrl);

/// What was done.
#[derive(Debug, Serialize)]
struct MigrateAnswer<'a> {
    applied: Vec<Applied>,
    application_role: Option<&'a str>,
    reader_role: Option<&'a str>,
}

/// A migration that was missing.
#[derive(Debug, Serialize)]
struct Applied {
    number: i32,
    name: &'static str,
}

impl Migrate {
    pub(super) async fn run(self, url: &StoreUrl) -> Result<(), Failure> {
        if self.print {
            return output::write(postgres::print_migrations().as_bytes());
        }
        let StoreUrl::Postgres(postgres) = url else {
            return Err(Failure::new(Exit::Usage, &NothingToMigrate(url.clone())));
        };
        let failed = |error: OpenError| Failure::new(Exit::Store, &error).about(url);
        let applied = postgres::migrate(postgres.options()).await.map_err(failed)?;
        let applied: Vec<_> =
            applied.iter().map(|it| Applied { number: it.number, name: it.name }).collect();
        let (application_role, reader_role) =
            (self.application_role.as_deref(), self.reader_role.as_deref());
        if let (Some(application), Some(reader)) = (application_role, reader_role) {
            let roles = Roles { application, reader };
            postgres::grant(postgres.options(), &roles).await.map_err(failed)?;
            grant_read_models(postgres, application, reader).await.map_err(|it| it.about(url))?;
        }
        if applied.is_empty() {
            output::say("the schema was up to date");
        }
        let answer = MigrateAnswer { applied, application_role, reader_role };
        match self.format {
            Format::Json => output::json(&answer),
            Format::Text => output::write(text(&answer).as_bytes()),
        }
    }
}

/// Gives the roles their rights to read models, those to come included.
async fn grant_read_models(
    url: &PostgresUrl,
    application: &str,
    reader: &str,
) -> Result<(), Failure> {
    let options = ReadModelsOptions::from_url(url.secret());
    let options = options.map_err(|error| Failure::new(Exit::Store, &error))?;
    let roles = read_models::Roles { application, reader };
    let granted = read_models::grant(&options, &roles).await;
    granted.map_err(|error| Failure::new(Exit::Store, &error))
}

/// A line for each thing that was done.
fn text(answer: &MigrateAnswer<'_>) -> String {
    let mut text = String::new();
    for Applied { number, name } in &answer.applied {
        text += &format!("applied migration {number}: {name}\n");
    }
    if let Some(role) = answer.application_role {
        text += &format!("{role} may append and read, and keep read models\n");
    }
    if let Some(role) = answer.reader_role {
        text += &format!("{role} may read\n");
    }
    text
}
