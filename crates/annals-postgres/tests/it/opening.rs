//! What a log is not opened on, and what is said about it.

use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};

use annals_core::{AppendCondition, EventStore};
use annals_postgres::{DurabilityRisk, OpenError, PostgresOptions, PostgresStore};

use crate::database::{Database, connect, execute, server_url};
use crate::hostile::block_on;
use crate::load::{append, event};
use crate::own_server;

async fn open(options: PostgresOptions) -> Result<(), OpenError> {
    PostgresStore::open(options).await.map(drop)
}

fn options(url: &str) -> PostgresOptions {
    PostgresOptions::from_url(url).expect("it is a URL")
}

#[test]
fn settings_that_lose_events_are_refused_unless_accepted_by_name() {
    let settings = [("fsync", "off"), ("full_page_writes", "off"), ("data_sync_retry", "on")];
    let Some(server) = own_server::start(&settings) else { return };
    block_on(async {
        let in_turn =
            [DurabilityRisk::Fsync, DurabilityRisk::FullPageWrites, DurabilityRisk::DataSyncRetry];
        let mut accepting = options(&server.url());
        for expected in in_turn {
            let refused = open(accepting.clone()).await;
            assert!(
                matches!(&refused, Err(OpenError::Durability { risk, .. }) if *risk == expected),
                "{refused:?}"
            );
            accepting = accepting.accept_risk(expected);
        }
        open(accepting).await.expect("every risk is accepted");
        let by_url = format!("{}?accept_risk=fsync,full_page_writes,data_sync_retry", server.url());
        open(options(&by_url)).await.expect("every risk is accepted");
    });
}

#[test]
fn commits_that_do_not_wait_are_refused() {
    block_on(async {
        let database = Database::with_log().await;
        let owner = database.owner().await;
        execute(
            &owner,
            "DO $$ BEGIN EXECUTE format(
                'ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        )
        .await;
        let refused = open(database.application_options()).await;
        let risk = DurabilityRisk::SynchronousCommit;
        assert!(
            matches!(&refused, Err(OpenError::Durability { risk: found, .. }) if *found == risk),
            "{refused:?}"
        );
        open(database.application_options().accept_risk(risk)).await.expect("it is accepted");
    });
}

#[test]
fn database_that_cannot_hold_every_text_is_refused() {
    block_on(async {
        let server = connect(server_url()).await;
        let name = format!("annals_test_{}", uuid::Uuid::now_v7().simple());
        execute(
            &server,
            &format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"),
        )
        .await;
        let url = crate::database::with_database(server_url(), &name);
        let refused = open(options(&url)).await;
        assert!(matches!(&refused, Err(OpenError::Encoding { .. })), "{refused:?}");
        execute(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    });
}

/// Everything an error says, in every form.
fn all_of(error: &OpenError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text} {cause} {cause:?}");
        next = cause.source();
    }
    text
}

/// Where log lines go that a test reads.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn credentials_are_never_in_errors_or_logs() {
    const SECRET: &str = "hunter2hunter2";
    let lines = Lines::default();
    let writer = lines.clone();
    // For every test of this run: which lines are wanted is remembered for the whole process.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    block_on(async {
        let database = Database::with_log().await;
        let owner = database.owner().await;
        let role = database.role("app");
        execute(&owner, &format!("ALTER ROLE {role} PASSWORD '{SECRET}'")).await;
        let url = database.role_url("app");
        let (before, after) = url.rsplit_once('@').expect("it has a user");
        let (scheme, _) = before.rsplit_once(':').expect("it has a password");
        let good = format!("{scheme}:{SECRET}@{after}");
        let shown = format!("{:?}", options(&good));
        assert!(!shown.contains(SECRET), "{shown}");
        for wrong in [
            format!("{scheme}:{SECRET}@127.0.0.1:1/nowhere"),
            good.replace(&role, "nobody_at_all"),
            format!("{good}_gone"),
        ] {
            let error = open(options(&wrong)).await.expect_err("nobody is there");
            assert!(!all_of(&error).contains(SECRET), "{}", all_of(&error));
        }
        let store = PostgresStore::open(options(&good)).await.expect("it can be opened");
        let shown = format!("{store:?}");
        assert!(!shown.contains(SECRET), "{shown}");
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'annals' AND datname = current_database()";
        execute(&owner, end).await;
        let write = append(vec![event("one", "1")], AppendCondition::default(), None);
        let _ = store.append(write).await;
        let _ = store.head().await;
    });
    let lines = String::from_utf8(lines.0.lock().expect("nobody panics with it").clone());
    let lines = lines.expect("log lines are text");
    assert!(lines.contains("connected to PostgreSQL"), "nothing was logged: {lines}");
    assert!(!lines.contains(SECRET), "{lines}");
}
