//! The tables: numbered migrations, and whether a file has them.

use rusqlite::Connection;

/// `PRAGMA application_id` of a log: "Annl" as a number.
pub(crate) const APPLICATION_ID: i64 = 0x416e_6e6c;

/// Every migration, in order. Number n takes a file from `user_version` n - 1 to n. Once released
/// they are frozen.
const MIGRATIONS: &[&str] = &[include_str!("sql/migrations/0001_log.sql")];

/// What a file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) application_id: i64,
    pub(crate) version: u32,
}

/// The newest version this code knows.
pub(crate) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    let first = |sql| connection.query_row(sql, [], |row| row.get(0));
    let version: i64 = first(include_str!("sql/user_version.sql"))?;
    let application_id: i64 = first(include_str!("sql/application_id.sql"))?;
    Ok(Identity { application_id, version: u32::try_from(version).unwrap_or(u32::MAX) })
}

/// Runs the migrations that the database has not seen, each in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, version: u32) -> rusqlite::Result<()> {
    let seen = usize::try_from(version).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(seen) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The first table or trigger that is not as the migrations leave it, by name.
///
/// A log without its triggers would still work, and no longer refuse to be changed.
pub(crate) fn first_difference(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut fresh = Connection::open_in_memory()?;
    migrate(&mut fresh, 0)?;
    let (expected, found) = (objects(&fresh)?, objects(connection)?);
    let is_elsewhere = |all: &[(String, String)], object| all.contains(object);
    let difference = found
        .iter()
        .find(|object| !is_elsewhere(&expected, object))
        .or_else(|| expected.iter().find(|object| !is_elsewhere(&found, object)));
    Ok(difference.map(|(name, _)| name.clone()))
}

fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare(include_str!("sql/objects.sql"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_add_up_to_the_schema() {
        let mut migrated = Connection::open_in_memory().unwrap();
        migrate(&mut migrated, 0).unwrap();
        let whole = Connection::open_in_memory().unwrap();
        whole.execute_batch(include_str!("sql/schema.sql")).unwrap();
        assert_eq!(objects(&migrated).unwrap(), objects(&whole).unwrap());
        let expected = Identity { application_id: APPLICATION_ID, version: known_version() };
        assert_eq!(identity(&migrated).unwrap(), expected);
        assert_eq!(identity(&whole).unwrap(), expected);
        assert_eq!(first_difference(&whole).unwrap(), None);
    }

    #[test]
    fn missing_or_changed_trigger_is_noticed() {
        let whole = Connection::open_in_memory().unwrap();
        whole.execute_batch(include_str!("sql/schema.sql")).unwrap();
        whole.execute_batch("DROP TRIGGER event_is_never_removed").unwrap();
        assert_eq!(first_difference(&whole).unwrap().unwrap(), "event_is_never_removed");
    }
}
