//! Whether a log is whole, asked when it is opened.

use annals_core::{Page, Position, Read};
use rusqlite::Connection;

use crate::fault::Fault;
use crate::log;
use crate::page;
use crate::row::Decoder;

/// Largest file, in bytes, whose pages are all looked at by [`Integrity::Quick`]: that takes about
/// a tenth of a second.
pub(crate) const QUICK_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// Events at the end of the log that are always looked at: a crash could only have hurt those.
const TAIL_EVENTS: u64 = 256;

/// How much of a log is checked when it is opened.
///
/// Independent of it, every event is verified against its checksum whenever it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Integrity {
    /// The last events: without holes, each with its checksum, its stream and its tags. Takes a
    /// few milliseconds whatever the size.
    Tail,
    /// As `Tail`; and for files up to 64 MiB, that the pages of the file fit together.
    #[default]
    Quick,
    /// As `Tail`, for every event; the ledger of commands; and that all pages and indexes fit
    /// together. Reads the whole file, some 50 MB a second.
    Full,
}

/// What is wrong with the log, `None` if nothing is.
pub(crate) fn check(
    connection: &Connection,
    integrity: Integrity,
) -> Result<Option<String>, Fault> {
    // One view, also of a log that another process goes on writing to.
    connection.execute_batch(include_str!("sql/begin_read.sql"))?;
    let finding = examine(connection, integrity);
    connection.execute_batch(include_str!("sql/commit.sql"))?;
    match finding {
        Err(Fault::Damaged { position, detail }) => {
            Ok(Some(format!("the event at position {position} is damaged: {detail}")))
        }
        Err(Fault::Sqlite(error)) if crate::fault::is_damage(&error) => Ok(Some(error.to_string())),
        outcome => outcome,
    }
}

fn examine(connection: &Connection, integrity: Integrity) -> Result<Option<String>, Fault> {
    let pages = match integrity {
        Integrity::Tail => None,
        Integrity::Quick => {
            let bytes: i64 =
                connection.query_row(include_str!("sql/file_bytes.sql"), [], |row| row.get(0))?;
            (bytes <= QUICK_BYTES_MAX).then_some(include_str!("sql/quick_check.sql"))
        }
        Integrity::Full => Some(include_str!("sql/integrity_check.sql")),
    };
    if let Some(sql) = pages {
        let finding: String = connection.query_row(sql, [], |row| row.get(0))?;
        if finding != "ok" {
            return Ok(Some(finding));
        }
    }
    let head = log::head(connection)?;
    if integrity != Integrity::Full {
        let from = head.get().saturating_sub(TAIL_EVENTS);
        examine_events(connection, Position::new(from).unwrap_or_default())?;
        return Ok(None);
    }
    let tags = examine_events(connection, Position::ZERO)?;
    let count = |sql: &str, parameters: &[i64]| -> Result<i64, Fault> {
        let parameters = rusqlite::params_from_iter(parameters);
        Ok(connection.query_row(sql, parameters, |row| row.get(0))?)
    };
    if count(include_str!("sql/tag_count.sql"), &[])? != tags {
        return Ok(Some("the index of tags has entries without an event".to_owned()));
    }
    if count(include_str!("sql/ledger_beyond.sql"), &[head.as_i64()])? > 0 {
        return Ok(Some("the ledger has commands whose events are missing".to_owned()));
    }
    Ok(None)
}

/// Reads every event after `after`, as readers would, and looks it up in the indexes. Returns how
/// many tags there are.
fn examine_events(connection: &Connection, after: Position) -> Result<i64, Fault> {
    let mut decoder = Decoder::default();
    let mut is_entered = connection.prepare(include_str!("sql/tag_is_entered.sql"))?;
    let mut in_stream = connection.prepare(include_str!("sql/stream_position.sql"))?;
    let mut tags = 0;
    let mut read = Read::all().after(after);
    loop {
        let Page { events, through, has_more } =
            page::read_in_view(connection, &mut decoder, &read)?;
        for event in events {
            let position = event.position;
            let stream = &event.stream;
            let key = (stream.aggregate_type(), stream.aggregate_id(), event.sequence.as_i64());
            let at: i64 = in_stream.query_row(key, |row| row.get(0))?;
            if at != position.as_i64() {
                return Err(Fault::damaged(position, "its stream leads to another event"));
            }
            for tag in &event.tags {
                let key = (tag.as_str(), position.as_i64(), event.event_type.as_str());
                if !is_entered.query_row(key, |row| row.get::<_, bool>(0))? {
                    return Err(Fault::damaged(position, format!("it is not entered as {tag}")));
                }
                tags += 1;
            }
        }
        if !has_more {
            return Ok(tags);
        }
        read = read.after(through);
    }
}
