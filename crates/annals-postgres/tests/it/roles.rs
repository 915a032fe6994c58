//! Who may do what.

use annals_core::{
    Append, AppendCondition, AppendError, EventStore, EventType, Json, NewEvent, Read, StreamId,
};
use annals_postgres::{OpenError, PostgresOptions, PostgresStore, Roles, SchemaAtOpen, grant};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::database::{Database, execute};
use crate::hostile::block_on;

/// Tables of the log, each with a column and its key.
const TABLES: [(&str, &str, &str); 4] = [
    ("event", "payload", "position"),
    ("event_tag", "event_type", "tag, position"),
    ("command", "count", "command_id"),
    ("head", "log_id", "singleton"),
];

/// What changes or removes what is in a table of the log. Not even its owner may.
const CHANGES: [&str; 8] = [
    "UPDATE annals.{table} SET {column} = {column}",
    "UPDATE annals.{table} SET {column} = {column} WHERE false",
    "DELETE FROM annals.{table}",
    "DELETE FROM annals.{table} WHERE false",
    "TRUNCATE annals.{table}",
    "TRUNCATE annals.{table} CASCADE",
    "INSERT INTO annals.{table} SELECT * FROM annals.{table} ON CONFLICT ({key}) DO UPDATE \
     SET {column} = excluded.{column}",
    "MERGE INTO annals.{table} AS kept USING annals.{table} AS other \
     ON kept.{column}::text = other.{column}::text WHEN MATCHED THEN DELETE",
];

/// What prepares such a change, or takes the table away. Only its owner may.
const OWNERS_BUSINESS: [&str; 10] = [
    "ALTER TABLE annals.{table} DISABLE TRIGGER ALL",
    "ALTER TABLE annals.{table} DISABLE TRIGGER stays",
    "ALTER TABLE annals.{table} ADD COLUMN more integer",
    "ALTER TABLE annals.{table} SET UNLOGGED",
    "DROP TRIGGER stays ON annals.{table}",
    "CREATE TRIGGER other BEFORE INSERT ON annals.{table} FOR EACH ROW \
     EXECUTE FUNCTION annals.refuse_change()",
    "CREATE RULE other AS ON INSERT TO annals.{table} DO INSTEAD NOTHING",
    "CREATE INDEX ON annals.{table} ({column})",
    "DROP TABLE annals.{table}",
    "DROP TABLE annals.{table} CASCADE",
];

/// The same for what is not a table of the log.
const OWNERS_BUSINESS_BESIDES: [&str; 9] = [
    "INSERT INTO annals.migration (number, name) VALUES (99, 'mine')",
    "DELETE FROM annals.migration",
    "INSERT INTO annals.head DEFAULT VALUES",
    "UPDATE annals.head SET singleton = true",
    "DROP FUNCTION annals.refuse_change CASCADE",
    "CREATE OR REPLACE FUNCTION annals.refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
     'BEGIN RETURN NULL; END'",
    "CREATE TABLE annals.mine ()",
    "DROP SCHEMA annals CASCADE",
    "SET session_replication_role = replica",
];

/// What an application may and a reader may not.
const WRITING: [&str; 6] = [
    "INSERT INTO annals.event SELECT * FROM annals.event WHERE false",
    "INSERT INTO annals.event_tag SELECT * FROM annals.event_tag WHERE false",
    "INSERT INTO annals.command SELECT * FROM annals.command WHERE false",
    "INSERT INTO annals.snapshot SELECT * FROM annals.snapshot WHERE false",
    "DELETE FROM annals.snapshot WHERE false",
    "SELECT log_id FROM annals.head FOR UPDATE",
];

fn for_each_table(templates: &[&str]) -> Vec<String> {
    let of_table = |(table, column, key): (&str, &str, &str)| -> Vec<String> {
        let fill = |template: &&str| {
            template.replace("{table}", table).replace("{column}", column).replace("{key}", key)
        };
        templates.iter().map(fill).collect()
    };
    TABLES.into_iter().flat_map(of_table).collect()
}

async fn assert_forbidden(who: &str, session: &Client, statements: &[String]) {
    for statement in statements {
        let outcome = session.batch_execute(statement).await;
        let code = outcome.as_ref().err().and_then(|error| error.code());
        assert_eq!(
            code,
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{who}: {statement}: {outcome:?}"
        );
    }
}

fn append() -> Append {
    let stream = StreamId::new("sample", "one").expect("it is an id");
    let event_type = EventType::new("happened").expect("it is a name");
    let event = NewEvent::new(stream, event_type, 1, Json::empty_object());
    let events = vec![event.expect("it is within the limits")];
    Append::new(events, AppendCondition::default(), None).expect("it is within the limits")
}

async fn log_with_an_event() -> Database {
    let database = Database::with_log().await;
    let store = PostgresStore::open(database.application_options()).await;
    let store = store.expect("the log can be opened");
    let _ = store.append(append()).await.expect("an application may append");
    store.close().await;
    database
}

#[test]
fn application_appends_and_reads_and_nothing_else() {
    block_on(async {
        let database = log_with_an_event().await;
        let application = database.session("app").await;
        for statement in WRITING {
            execute(&application, statement).await;
        }
        let mut forbidden = for_each_table(&CHANGES);
        forbidden.extend(for_each_table(&OWNERS_BUSINESS));
        forbidden.extend(OWNERS_BUSINESS_BESIDES.map(str::to_owned));
        assert_forbidden("application", &application, &forbidden).await;
    });
}

#[test]
fn reader_reads_and_nothing_else() {
    block_on(async {
        let database = log_with_an_event().await;
        let reader = database.session("reader").await;
        let mut forbidden = for_each_table(&CHANGES);
        forbidden.extend(for_each_table(&OWNERS_BUSINESS));
        forbidden.extend(OWNERS_BUSINESS_BESIDES.map(str::to_owned));
        forbidden.extend(WRITING.map(str::to_owned));
        assert_forbidden("reader", &reader, &forbidden).await;
        let options = PostgresOptions::from_url(&database.role_url("reader")).expect("it is a URL");
        let store = PostgresStore::open(options).await.expect("a reader may open the log");
        let page = store.read(Read::all()).await.expect("a reader may read");
        assert_eq!(page.events.len(), 1);
        let refused = store.append(append()).await;
        assert!(matches!(refused, Err(AppendError::Closed { .. })), "{refused:?}");
        assert_eq!(store.read(Read::all()).await.expect("a reader may read").events.len(), 1);
    });
}

#[test]
fn not_even_the_owner_changes_what_is_in_the_log() {
    block_on(async {
        let database = log_with_an_event().await;
        let owner = database.owner().await;
        assert_forbidden("owner", &owner, &for_each_table(&CHANGES)).await;
        // Nor where ordinary triggers are switched off, as in a session that replicates.
        execute(&owner, "SET session_replication_role = replica").await;
        assert_forbidden("replicating owner", &owner, &for_each_table(&CHANGES)).await;
        // The test can fail.
        execute(&owner, "ALTER TABLE annals.event DISABLE TRIGGER stays").await;
        execute(&owner, "UPDATE annals.event SET payload = '{}'").await;
    });
}

#[test]
fn application_needs_no_rights_to_open_what_is_migrated_already() {
    block_on(async {
        let database = Database::with_log().await;
        for schema in [SchemaAtOpen::Migrate, SchemaAtOpen::Require] {
            let options = database.application_options().schema_at_open(schema);
            PostgresStore::open(options).await.expect("nothing is to be migrated").close().await;
        }
        let empty = Database::create().await;
        let refused = PostgresStore::open(empty.application_options()).await.map(drop);
        assert!(matches!(refused, Err(OpenError::Migration { number: 1, .. })), "{refused:?}");
    });
}

#[test]
fn rights_are_given_only_to_roles_that_exist() {
    block_on(async {
        let database = Database::with_log().await;
        let reader = database.role("reader");
        let roles = Roles { application: "nobody; DROP SCHEMA annals", reader: &reader };
        let refused = grant(&database.owner_options(), &roles).await;
        assert!(matches!(refused, Err(OpenError::Refused { .. })), "{refused:?}");
        let options = PostgresOptions::from_url(&database.role_url("app")).expect("it is a URL");
        let (application, reader) = (database.role("app"), database.role("reader"));
        let roles = Roles { application: &application, reader: &reader };
        let refused = grant(&options, &roles).await;
        assert!(matches!(refused, Err(OpenError::Refused { .. })), "not the owner: {refused:?}");
    });
}
